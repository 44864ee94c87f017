// A recording before it is uploaded: from a file or the microphone, shown, cut and heard in the browser.

import { $ } from "./dom.js";
import { wav } from "./player.js";
import { Wave } from "./wave.js";

const RATE = 48_000;
let wave;
let clip = null; // {samples, rate, name, file}
let recorder = null;
let sound = null;

export function startClip() {
  wave = new Wave($("clip-wave"));
  $("clip-file").onchange = () => take($("clip-file").files[0]);
  $("record").onclick = () => (recorder ? recorder.stop() : record());
  $("hear-clip").onclick = hear;
  for (const id of ["from", "to"]) $(id).oninput = show;
  const drop = $("drop");
  drop.ondragover = (event) => {
    event.preventDefault();
    drop.classList.add("over");
  };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  };
}

export function clearClip() {
  clip = null;
  recorder?.stop();
  sound?.pause();
  $("clip-file").value = "";
  $("trim").hidden = true;
  $("voice-problem").textContent = "";
}

async function take(file) {
  if (!file) return;
  const context = new AudioContext({ sampleRate: RATE });
  try {
    const decoded = await context.decodeAudioData(await file.arrayBuffer());
    clip = { samples: mixed(decoded), rate: decoded.sampleRate, name: file.name || "recording.webm", file };
    $("from").value = 0;
    $("to").value = 1;
    $("trim").hidden = false;
    wave.clear();
    wave.push(clip.samples);
    $("voice-problem").textContent = "";
    show();
  } catch {
    // The server reads more kinds of files than this browser does.
    clip = { samples: null, name: file.name, file };
    $("trim").hidden = true;
    $("voice-problem").textContent = `This browser cannot show ${file.name}; the server may still be able to read it.`;
  } finally {
    context.close();
  }
}

function mixed(decoded) {
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, n) => decoded.getChannelData(n));
  return channels[0].map((_, at) => channels.reduce((sum, channel) => sum + channel[at], 0) / channels.length);
}

function range() {
  const [from, to] = [Number($("from").value), Number($("to").value)];
  return from < to ? [from, to] : [to, from];
}

function show() {
  if (!clip?.samples) return;
  const whole = clip.samples.length / clip.rate;
  const [from, to] = range();
  $("from-value").textContent = `${(from * whole).toFixed(1)} s`;
  $("to-value").textContent = `${(to * whole).toFixed(1)} s`;
  $("clip-length").textContent = `${((to - from) * whole).toFixed(1)} s chosen`;
  wave.draw(1, [from, to]);
}

// What is uploaded: the file itself, or the part of it that was chosen.
export function chosen() {
  if (!clip) return null;
  const [from, to] = range();
  if (!clip.samples || (from === 0 && to === 1)) return { blob: clip.file, name: clip.name };
  const samples = clip.samples.slice(Math.floor(from * clip.samples.length), Math.ceil(to * clip.samples.length));
  return { blob: wav([samples], clip.rate), name: `${clip.name.replace(/\.\w+$/, "")}.wav` };
}

function hear() {
  sound?.pause();
  const { blob } = chosen();
  sound = new Audio(URL.createObjectURL(blob));
  sound.play();
}

async function record() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false } });
  } catch (error) {
    $("voice-problem").textContent = `The microphone cannot be used: ${error.message}`;
    return;
  }
  const parts = [];
  recorder = new MediaRecorder(stream);
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = () => {
    const { mimeType } = recorder;
    for (const track of stream.getTracks()) track.stop();
    recorder = null;
    $("record").textContent = "Record";
    $("recording").hidden = true;
    const suffix = mimeType.includes("mp4") ? "m4a" : mimeType.includes("ogg") ? "ogg" : "webm";
    take(new File(parts, `recording.${suffix}`, { type: mimeType }));
  };
  $("record").textContent = "Stop recording";
  $("recording").hidden = false;
  recorder.start();
  meter(stream);
}

function meter(stream) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const look = () => {
    if (!recorder) {
      context.close();
      return;
    }
    analyser.getFloatTimeDomainData(samples);
    $("level").value = Math.max(...samples.map(Math.abs));
    requestAnimationFrame(look);
  };
  look();
}
