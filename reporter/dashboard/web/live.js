const EVERY_MS = 5000
const AT_MOST_MS = 60_000

/**
 * Shows the newest answer again and again: one request at a time, none while the page is hidden, and after errors less and less often.
 * What somebody is reading is not taken away: nothing new while something in `[data-live]` has the focus, or text is selected.
 */
export async function live(show, everyMs = EVERY_MS) {
  const status = document.getElementById('status')
  let waitMs = everyMs
  await show()
  status.textContent = `live, as of ${clock()}`
  const again = async () => {
    if (isHeld()) status.textContent = 'held while you read'
    else if (!document.hidden) {
      try {
        await show()
        waitMs = everyMs
        status.textContent = `live, as of ${clock()}`
      } catch (error) {
        waitMs = Math.min(waitMs * 2, AT_MOST_MS)
        status.textContent = `not live: ${error.message}; next try in ${waitMs / 1000} s`
      }
    }
    setTimeout(again, waitMs)
  }
  setTimeout(again, waitMs)
}

const isHeld = () => Boolean(document.activeElement?.closest('[data-live]')) || getSelection()?.isCollapsed === false

const clock = () => new Date().toISOString().slice(11, 19) + ' UTC'
