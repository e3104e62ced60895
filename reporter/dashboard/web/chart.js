import { h, svg } from './dom.js'

/* Charts: uPlot for those that are read, plain bars for those that are glanced at. */

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const dark = matchMedia('(prefers-color-scheme: dark)')
const SERIES_COLORS = 8

/**
 * A chart over time. `series`: [{ label, values }]; `times`: seconds since the epoch, UTC; `timeLabel`: heading of times, and how one reads.
 * @returns its element, with `png()`, which offers it as a file
 */
export function chart({
  title,
  times,
  timeLabel = ['UTC', null],
  series,
  height = 260,
  format = (value) => value,
  legend = true,
  stepped = false,
}) {
  const names = series.map(({ label }) => label).join(', ')
  const box = h('div', {
    class: 'chart',
    role: 'img',
    'aria-label': `${title}: ${names} over time; the numbers are in the table or export`,
  })
  let plot = null
  const draw = () => {
    plot?.destroy()
    const axis = {
      stroke: color('--quiet'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { stroke: color('--line') },
      font: '12px system-ui, sans-serif',
    }
    plot = new window.uPlot(
      {
        width: Math.max(200, box.clientWidth),
        height,
        legend: { show: legend },
        cursor: { y: false },
        // Times stand in UTC, as everywhere.
        tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
        scales: { y: { range: (_plot, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.08 : 1] } },
        axes: [
          { ...axis, values: UTC_TIMES },
          { ...axis, size: 62, values: (_plot, ticks) => ticks.map(short) },
        ],
        series: [
          timeSeries(timeLabel),
          ...series.map(({ label }, index) => ({
            label,
            stroke: color(`--series-${(index % SERIES_COLORS) + 1}`),
            width: 2,
            points: { show: times.length < 40, size: 5 },
            ...(stepped ? { paths: window.uPlot.paths.stepped({ align: 1 }) } : {}),
            value: (_plot, value) => (value === null || value === undefined ? '–' : format(value)),
          })),
        ],
      },
      [times, ...series.map(({ values }) => values)],
      box,
    )
  }
  const observer = new ResizeObserver(() => {
    if (!box.isConnected) return
    if (plot === null) draw()
    else if (plot.width !== box.clientWidth && box.clientWidth > 0) plot.setSize({ width: box.clientWidth, height })
  })
  observer.observe(box)
  dark.addEventListener('change', () => box.isConnected && plot !== null && draw())
  box.png = (name) => save(plot, title, series, name)
  /** New values, the same series. */
  box.update = (newTimes, values) => plot?.setData([newTimes, ...values])
  return box
}

function timeSeries([label, read]) {
  if (read === null) return { label, value: '{YYYY}-{MM}-{DD} {HH}:{mm}' }
  return { label, value: (_plot, seconds) => (seconds === null ? '–' : (read(seconds) ?? '–')) }
}

/** Twenty-four hours, days of a year, as short as they are clear. */
const UTC_TIMES = [
  [3600 * 24 * 365, '{YYYY}', null, null, null, null, null, null, 1],
  [3600 * 24 * 28, '{MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [3600 * 24, '{D} {MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1],
]

function short(value) {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 }).format(value)
}

/** The chart with its title and the names of its lines. */
function save(plot, title, series, name) {
  const from = plot.ctx.canvas
  const ratio = devicePixelRatio
  const top = 56 * ratio
  const to = document.createElement('canvas')
  to.width = from.width
  to.height = from.height + top
  const context = to.getContext('2d')
  context.fillStyle = color('--card')
  context.fillRect(0, 0, to.width, to.height)
  context.drawImage(from, 0, top)
  context.fillStyle = color('--text')
  context.font = `600 ${16 * ratio}px system-ui, sans-serif`
  context.fillText(title, 12 * ratio, 22 * ratio)
  context.font = `${12 * ratio}px system-ui, sans-serif`
  let x = 12 * ratio
  series.forEach(({ label }, index) => {
    context.fillStyle = color(`--series-${(index % SERIES_COLORS) + 1}`)
    context.fillText(label, x, 44 * ratio)
    x += context.measureText(label).width + 16 * ratio
  })
  to.toBlob((blob) => {
    const link = h('a', { href: URL.createObjectURL(blob), download: name })
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  })
}

/** Accepted and refused, a bar for each step. */
export function bars(steps, label) {
  const most = Math.max(1, ...steps.map(({ accepted, refused }) => accepted + refused))
  const shapes = steps.flatMap(({ accepted, refused }, index) => {
    const good = (accepted / most) * 100
    const bad = (refused / most) * 100
    const at = { x: index * 10 + 1, width: 8 }
    return [
      svg('rect', { ...at, y: 100 - good, height: good, class: 'accepted' }),
      svg('rect', { ...at, y: 100 - good - bad, height: bad, class: 'refused' }),
    ]
  })
  return svg(
    'svg',
    {
      class: 'bars',
      viewBox: `0 0 ${steps.length * 10} 100`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': label,
    },
    shapes,
  )
}

/** Hours with all, some or none of what was expected; they differ in height too. */
export function strip(shares, label) {
  const shapes = shares.map((share, index) => {
    const kind = share >= 0.9 ? 'whole' : share > 0 ? 'part' : 'none'
    const height = { whole: 100, part: 60, none: 25 }[kind]
    return svg('rect', { x: index * 10 + 1, width: 8, y: 100 - height, height, class: kind })
  })
  return svg(
    'svg',
    {
      class: 'strip',
      viewBox: `0 0 ${shares.length * 10} 100`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': label,
    },
    shapes,
  )
}
