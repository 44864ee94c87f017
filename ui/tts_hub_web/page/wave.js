// A waveform: one bar for each stretch of sound, what has sounded in the accent colour.

const BAR = 3;
const GAP = 1;

export class Wave {
  constructor(canvas) {
    this.canvas = canvas;
    this.clear();
  }

  clear() {
    this.samples = [];
    this.length = 0;
    this.draw(0);
  }

  push(samples) {
    this.samples.push(samples);
    this.length += samples.length;
  }

  // The loudest sample of each of `count` stretches.
  peaks(count) {
    const found = new Float32Array(count);
    let at = 0;
    for (const part of this.samples) {
      const step = Math.max(1, Math.floor(this.length / count / 40)); // a look at some samples is enough
      for (let n = 0; n < part.length; n += step) {
        const bar = Math.min(count - 1, Math.floor(((at + n) / this.length) * count));
        found[bar] = Math.max(found[bar], Math.abs(part[n]));
      }
      at += part.length;
    }
    return found;
  }

  // `played`: the share that has sounded. `range`: the share that is chosen.
  draw(played, range = [0, 1]) {
    const { canvas } = this;
    const scale = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(canvas);
    const [accent, idle] = ["--accent", "--wave"].map((name) => resolved(canvas, style.getPropertyValue(name)));
    const count = Math.floor(width / (BAR + GAP));
    const peaks = this.length ? this.peaks(count) : new Float32Array(count);
    const top = Math.max(0.05, ...peaks);
    peaks.forEach((peak, bar) => {
      const place = bar / count;
      const chosen = place >= range[0] && place <= range[1];
      const tall = Math.max(2, (peak / top) * (height - 4));
      pen.globalAlpha = chosen ? 1 : 0.35;
      pen.fillStyle = this.length && place < played ? accent : idle;
      pen.beginPath();
      pen.roundRect(bar * (BAR + GAP), (height - tall) / 2, BAR, tall, BAR / 2);
      pen.fill();
    });
  }
}

// light-dark() is no colour for a canvas: let the style sheet choose.
function resolved(element, colour) {
  const before = element.style.color;
  element.style.color = colour.trim();
  const found = getComputedStyle(element).color;
  element.style.color = before;
  return found;
}
