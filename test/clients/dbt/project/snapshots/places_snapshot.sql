{% snapshot places_snapshot %}
{{ config(unique_key='id', strategy='check', check_cols=['place']) }}
select * from {{ ref('places') }}
{% endsnapshot %}
