/** Draws throughput over file size as an SVG picture, both axes logarithmic. */

/** One line of the picture: megabytes a second by size in MiB. */
export interface Line {
  name: string;
  points: [sizeMib: number, speed: number][];
}

const COLORS = ["#0b62c4", "#d1490c", "#2e7d32", "#8e24aa", "#6d6d6d"];
const PANEL = { width: 420, height: 300, left: 70, top: 80, gap: 70 };

/** The picture: one panel for each of the titled sets of lines, side by side, on the same scales. */
export function chart(panels: Record<string, Line[]>): string {
  const points = Object.values(panels).flat().flatMap((line) => line.points);
  const sizes = [...new Set(points.map(([size]) => size))].sort((a, b) => a - b);
  const speeds = points.map(([, speed]) => speed);
  const ticks = [1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** (power - 2)));
  const low = ticks.findLast((tick) => tick <= Math.min(...speeds)) ?? ticks[0]!;
  const high = ticks.find((tick) => tick >= Math.max(...speeds)) ?? ticks.at(-1)!;
  const scale = (value: number, from: number, to: number): number =>
    to === from ? 0.5 : Math.log(value / from) / Math.log(to / from);
  const y = (speed: number): string => (PANEL.top + PANEL.height * (1 - scale(speed, low, high))).toFixed(1);

  const drawPanel = ([title, lines]: [string, Line[]], index: number): string => {
    const left = PANEL.left + index * (PANEL.width + PANEL.gap);
    const bottom = PANEL.top + PANEL.height;
    const x = (size: number): string => (left + PANEL.width * scale(size, sizes[0]!, sizes.at(-1)!)).toFixed(1);
    const grid = ticks.filter((tick) => tick >= low && tick <= high).map((tick) =>
      `<line class="grid" x1="${left}" x2="${left + PANEL.width}" y1="${y(tick)}" y2="${y(tick)}"/>` +
      `<text x="${left - 8}" y="${y(tick)}" dy="0.35em" text-anchor="end">${tick}</text>`
    );
    const labels = sizes.map((size) =>
      `<line class="axis" x1="${x(size)}" x2="${x(size)}" y1="${bottom}" y2="${bottom + 5}"/>` +
      `<text x="${x(size)}" y="${bottom + 20}" text-anchor="middle">${sizeLabel(size).replace(/ (.)iB/, "$1")}</text>`
    );
    const curves = lines.map(({ points }, number) => {
      const color = COLORS[number % COLORS.length];
      const places = points.map(([size, speed]) => [x(size), y(speed)]);
      return `<polyline fill="none" stroke="${color}" stroke-width="2" points="${places.join(" ")}"/>` +
        places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`).join("");
    });
    return [
      `<text class="title" x="${left + PANEL.width / 2}" y="${PANEL.top - 12}" text-anchor="middle">${title}</text>`,
      ...grid,
      ...labels,
      `<path class="axis" fill="none" d="M${left} ${PANEL.top}V${bottom}H${left + PANEL.width}"/>`,
      `<text x="${left + PANEL.width / 2}" y="${
        bottom + 42
      }" text-anchor="middle">file size, MiB (M) or GiB (G)</text>`,
      ...curves,
    ].join("\n");
  };

  const names = Object.values(panels)[0]!.map(({ name }) => name);
  const legend = names.map((name, number) => {
    const left = PANEL.left + number * 190;
    return `<rect x="${left}" y="20" width="18" height="10" fill="${COLORS[number % COLORS.length]}"/>` +
      `<text x="${left + 24}" y="25" dy="0.35em">${name}</text>`;
  });
  const count = Object.keys(panels).length;
  const width = PANEL.left + count * PANEL.width + (count - 1) * PANEL.gap + 30;
  const height = PANEL.top + PANEL.height + 60;
  const middle = PANEL.top + PANEL.height / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>
text { font: 13px sans-serif; fill: #222; }
.title { font-size: 16px; font-weight: bold; }
.grid { stroke: #ddd; }
.axis { stroke: #222; }
</style>
<rect width="${width}" height="${height}" fill="#fff"/>
${legend.join("\n")}
<text transform="translate(20 ${middle}) rotate(-90)" text-anchor="middle">MB/s</text>
${Object.entries(panels).map(drawPanel).join("\n")}
</svg>
`;
}

/** A size in MiB as people write it. */
export function sizeLabel(mib: number): string {
  return mib < 1024 ? `${mib} MiB` : `${mib / 1024} GiB`;
}
