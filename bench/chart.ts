import { median, type Row } from "./samples.ts";

const width = 760;
const rowHeight = 54;
const left = 120;
const scale = width - left - 130;

/** The rows as bars in SVG: ours above the reference, each pair to its own scale. */
export function chart(rows: readonly Row[]): string {
  const compared = rows.filter((row) => row.reference.length > 0);
  const height = compared.length * rowHeight + 50;
  const body = compared.map((row, index) => {
    const y = 40 + index * rowHeight;
    const [ours, reference] = [median(row.ours), median(row.reference)];
    const most = Math.max(ours, reference);
    const bar = (value: number, offset: number, color: string) =>
      `<rect x="${left}" y="${y + offset}" width="${((value / most) * scale).toFixed(1)}" height="16" fill="${color}"/>` +
      `<text x="${(left + (value / most) * scale + 6).toFixed(1)}" y="${y + offset + 13}">${value.toPrecision(3)} ${row.unit}</text>`;
    return `<text x="${left - 10}" y="${y + 22}" text-anchor="end" font-weight="bold">${row.name}</text>${bar(ours, 0, "#2b6cb0")}${bar(reference, 19, "#a0aec0")}`;
  });
  const legend = `<rect x="${left}" y="10" width="12" height="12" fill="#2b6cb0"/><text x="${left + 18}" y="20">esb</text><rect x="${left + 70}" y="10" width="12" height="12" fill="#a0aec0"/><text x="${left + 88}" y="20">reference, same run</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>${legend}${body.join("")}</svg>\n`;
}
