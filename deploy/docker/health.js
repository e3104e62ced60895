// The health check of an image: exit status 0 as long as the supervisor answers, like `curl -f http://127.0.0.1:9464/healthz`.
const port = process.env.GATEPOST_METRICS_PORT ?? '9464'
fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(3000) }).then(
  ({ ok }) => process.exit(ok ? 0 : 1),
  () => process.exit(1),
)
