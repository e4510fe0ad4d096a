// A short two-note chime for "your turn", synthesised: no file, no request.
//
// Browsers allow sound only after a person has touched the page, so the choice is a button: turning
// it on plays the chime once, which is also what unlocks it.

const NOTES_HZ = [660, 880];
const NOTE_SECONDS = 0.22;

export class Chime {
  #audio = null;

  /** Must be called from a click; returns whether sound is possible at all. */
  unlock() {
    const AudioContext = globalThis.AudioContext ?? globalThis.webkitAudioContext;
    if (!AudioContext) return false;
    this.#audio ??= new AudioContext();
    this.#audio.resume().catch(() => {});
    return true;
  }

  play() {
    if (this.#audio === null) return;
    NOTES_HZ.forEach((hertz, index) => this.#note(hertz, index * NOTE_SECONDS));
  }

  #note(hertz, delay) {
    const start = this.#audio.currentTime + delay;
    const tone = this.#audio.createOscillator();
    const volume = this.#audio.createGain();
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + NOTE_SECONDS * 1.6);
    tone.connect(volume).connect(this.#audio.destination);
    tone.start(start);
    tone.stop(start + NOTE_SECONDS * 1.7);
  }
}
