    -- Of an account: whether it was created in the window, and how it was registered. Contact and sponsor are compared ignoring
    -- case; a comparison with null is null, so an account without one of the two is of no kind.
    created_at >= {start:DateTime64(3, 'UTC')} AS is_new,
    ifNull(lowerUTF8(contact) = lowerUTF8(sponsor), 0) AS is_own,
    is_own AND startsWith(ifNull(contact, ''), '+') AS is_sms,
    is_own AND position(ifNull(contact, ''), '@') > 0 AS is_email,
    ifNull(lowerUTF8(contact) != lowerUTF8(sponsor), 0) AS is_sponsored
