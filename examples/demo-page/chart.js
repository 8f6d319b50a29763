// A running chart: two series on one scale, the last half minute of them, drawn on a canvas.
const SECONDS = 30

export class Chart {
  #canvas
  #points = []
  #top
  #still = matchMedia('(prefers-reduced-motion: reduce)')
  #dark = matchMedia('(prefers-color-scheme: dark)')
  #colors

  constructor(canvas) {
    this.#canvas = canvas
    this.#dark.addEventListener('change', () => (this.#colors = undefined))
    new ResizeObserver(() => this.#draw(this.#points.at(-1)?.time ?? 0)).observe(canvas)
    const frame = time => {
      // Without motion it moves once for each point, when the point comes.
      if (!this.#still.matches && !document.hidden) this.#draw(time)
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  }

  add(published, delivered) {
    const time = performance.now()
    this.#points.push({ time, published, delivered })
    while (this.#points[1] && this.#points[1].time < time - (SECONDS + 1) * 1000) this.#points.shift()
    if (this.#still.matches) this.#draw(time)
  }

  #draw(now) {
    const { clientWidth: width, clientHeight: height } = this.#canvas
    const scale = devicePixelRatio || 1
    if (this.#canvas.width !== Math.round(width * scale)) this.#canvas.width = Math.round(width * scale)
    if (this.#canvas.height !== Math.round(height * scale)) this.#canvas.height = Math.round(height * scale)
    const context = this.#canvas.getContext('2d')
    const colors = (this.#colors ??= readColors())
    // The scale follows the data smoothly; a step of a second behind lets a line end at the edge, not before it.
    const wanted = nice(Math.max(10, ...this.#points.map(point => Math.max(point.delivered, point.published))))
    const jumps = this.#still.matches || this.#points.length < 2 || this.#top === undefined
    this.#top = jumps ? wanted : this.#top + (wanted - this.#top) * 0.12

    context.setTransform(scale, 0, 0, scale, 0, 0)
    context.clearRect(0, 0, width, height)
    context.font = `11.5px ${colors.font}`
    const label = part => (wanted * part).toLocaleString('en')
    const widest = Math.max(...[0.5, 1].map(part => context.measureText(label(part)).width))
    const [left, right, top, bottom] = [0, width - Math.max(44, Math.ceil(widest) + 10), 8, height - 22]
    const x = time => right - ((now - 300 - time) / (SECONDS * 1000)) * (right - left)
    const y = value => bottom - (value / this.#top) * (bottom - top)
    context.textBaseline = 'middle'
    context.fillStyle = colors.quiet
    context.strokeStyle = colors.line
    context.lineWidth = 1
    for (const part of [0, 0.25, 0.5, 0.75, 1]) {
      const line = Math.round(y(wanted * part)) + 0.5
      if (line < 0) continue
      context.beginPath()
      context.moveTo(left, line)
      context.lineTo(right, line)
      context.stroke()
      if (part * 2 === Math.round(part * 2)) context.fillText(label(part), right + 8, line)
    }
    context.textBaseline = 'alphabetic'
    context.textAlign = 'center'
    for (const ago of [10, 20]) context.fillText(`${ago} s ago`, right - (ago / SECONDS) * (right - left), height - 4)
    context.textAlign = 'right'
    context.fillText('now', right, height - 4)
    context.textAlign = 'left'

    context.save()
    context.beginPath()
    context.rect(left, 0, right - left, height)
    context.clip()
    this.#line(context, x, point => y(point.delivered), colors.accent, bottom)
    this.#line(context, x, point => y(point.published), colors.second)
    context.restore()
  }

  #line(context, x, y, color, bottom) {
    if (this.#points.length < 2) return
    context.beginPath()
    for (const point of this.#points) context.lineTo(x(point.time), y(point))
    context.strokeStyle = color
    context.lineWidth = 2
    context.lineJoin = 'round'
    context.stroke()
    if (bottom === undefined) return
    context.lineTo(x(this.#points.at(-1).time), bottom)
    context.lineTo(x(this.#points[0].time), bottom)
    context.globalAlpha = 0.12
    context.fillStyle = color
    context.fill()
    context.globalAlpha = 1
  }
}

/** The next of 10, 20, 40, 100, 200, 400 …: a top of the scale whose quarters are round numbers. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 4, 10].map(step => step * power).find(step => step >= value)
}

function readColors() {
  const style = getComputedStyle(document.documentElement)
  const read = name => style.getPropertyValue(`--${name}`).trim()
  return { accent: read('accent'), second: read('second'), line: read('line'), quiet: read('quiet'), font: read('sans') }
}
