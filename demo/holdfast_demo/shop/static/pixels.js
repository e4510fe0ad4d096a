// Seats from afar: written straight into pixels. Sixty thousand rectangles through the canvas cost
// 40 ms a frame, the same squares as pixels two, which is what keeps a whole stadium draggable.

export class Pixels {
  #canvas = document.createElement("canvas");
  #image = null;

  /** Begins a picture of the size of `target` (a canvas, in its own pixels). */
  begin(target) {
    const { width, height } = target;
    if (this.#image === null || this.#image.width !== width || this.#image.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
      this.#image = this.#canvas.getContext("2d").createImageData(width, height);
      this.words = new Uint32Array(this.#image.data.buffer);
    } else {
      this.words.fill(0);
    }
  }

  /** Squares of `side` pixels around the seats of a bucket; `scale` and offsets in pixels. */
  squares(plan, bucket, { scale, left, top }, side, colour) {
    const { width, height } = this.#image;
    const half = side / 2;
    for (let index = 0; index < bucket.length; index += 1) {
      const seat = bucket[index];
      const x = Math.round((plan.x[seat] - left) * scale - half);
      const y = Math.round((plan.y[seat] - top) * scale - half);
      if (x < 0 || y < 0 || x + side > width || y + side > height) continue;
      for (let line = y * width + x; line < (y + side) * width; line += width) {
        this.words.fill(colour, line, line + side);
      }
    }
  }

  /** Puts the picture onto `context`, whose units are `ratio` pixels. */
  end(context, ratio) {
    this.#canvas.getContext("2d").putImageData(this.#image, 0, 0);
    context.drawImage(this.#canvas, 0, 0, this.#image.width / ratio, this.#image.height / ratio);
  }
}

/** #rrggbb as a pixel in the byte order of canvas images (all browsers run little-endian). */
export function pixelOf(colour, alpha = 255) {
  const value = Number.parseInt(colour.slice(1), 16);
  const red = (value >> 16) & 255;
  const green = (value >> 8) & 255;
  return ((alpha << 24) | ((value & 255) << 16) | (green << 8) | red) >>> 0;
}
