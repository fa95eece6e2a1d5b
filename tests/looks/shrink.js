// A PNG (base64) -> [width, height, palette, one palette index a pixel], the last two as base64. Text on a few plain
// backgrounds needs few colours: the most frequent ones are kept, the others become the nearest of them.
async (png) => {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context.drawImage(image, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const distance = (one, other) => one.reduce((sum, part, at) => sum + (part - other[at]) ** 2, 0);
  const frequent = [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one) || one - other);
  let palette = [];
  for (let apart = 12; ; apart *= 1.5) {
    palette = [];
    for (const colour of frequent.map(parts)) {
      if (palette.every((kept) => distance(kept, colour) > apart)) palette.push(colour);
      if (palette.length > 256) break;
    }
    if (palette.length <= 256) break;
  }
  const index = new Map();
  for (const colour of frequent) {
    const wanted = parts(colour);
    let best = 0;
    palette.forEach((kept, at) => { if (distance(kept, wanted) < distance(palette[best], wanted)) best = at; });
    index.set(colour, best);
  }
  const base64 = (values) => {
    let text = '';
    for (let at = 0; at < values.length; at += 32768) text += String.fromCharCode(...values.subarray(at, at + 32768));
    return btoa(text);
  };
  const indices = Uint8Array.from(pixels, (pixel) => index.get(pixel));
  return [width, height, base64(Uint8Array.from(palette.flat())), base64(indices)];
}
