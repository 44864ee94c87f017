// Plays samples while they arrive, on the clock of the audio device, and knows where in the speech it is.

const LEAD = 0.06; // seconds between the arrival of the first samples and their sound

export class Player {
  constructor(rate) {
    this.rate = rate;
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.connect(this.context.destination);
    this.pieces = []; // {at: time of the device, from: seconds of the speech, length}
    this.sources = new Set();
    this.next = 0;
    this.length = 0;
    this.gaps = 0;
    this.finished = false;
    this.onend = () => {};
  }

  push(samples) {
    const buffer = this.context.createBuffer(1, samples.length, this.rate);
    buffer.copyToChannel(samples, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.analyser);
    const now = this.context.currentTime;
    if (this.next < now) {
      if (this.pieces.length) this.gaps += 1;
      this.next = now + LEAD;
    }
    source.start(this.next);
    this.pieces.push({ at: this.next, from: this.length, length: buffer.duration });
    this.next += buffer.duration;
    this.length += buffer.duration;
    this.sources.add(source);
    source.onended = () => {
      this.sources.delete(source);
      this.#endIfDone();
    };
  }

  finish() {
    this.finished = true;
    this.#endIfDone();
  }

  // Seconds of the speech that have sounded.
  get position() {
    const now = this.context.currentTime;
    for (let index = this.pieces.length - 1; index >= 0; index -= 1) {
      const piece = this.pieces[index];
      if (now >= piece.at) return piece.from + Math.min(now - piece.at, piece.length);
    }
    return 0;
  }

  stop() {
    this.onend = () => {};
    for (const source of this.sources) source.stop();
    this.context.close();
  }

  #endIfDone() {
    if (this.finished && this.sources.size === 0) {
      this.onend();
      this.context.close();
    }
  }
}

export function samplesOf(base64) {
  const text = atob(base64);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const whole = new Int16Array(bytes.buffer, 0, bytes.length >> 1);
  return Float32Array.from(whole, (value) => value / 32768);
}

export function wav(parts, rate) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * length));
  const text = (at, letters) => [...letters].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * length, true);
  let at = 44;
  for (const part of parts) {
    for (const value of part) {
      view.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(value * 32768))), true);
      at += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}
