// uPlot charts in the page's colours. One chart an element; its data is replaced, it is rebuilt only when series or
// colour scheme change. Marks are vertical lines over processing time: rollouts and restarts.

// Before uPlot, which asks for a language as it loads.
import '/language.js';
import { fixed, h, wholeVersions } from '/format.js';
import { timeLabel, wallTime, whenDataComesTo } from '/times.js';
import uPlot from '/vendor/uplot.js';
import { versionDash, versionStroke } from '/versions.js';

const charts = new Map();
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const HEIGHT = 170;

/** @typedef {{ label: string, colour: string, dash?: number[], points?: boolean, width?: number, gaps?: boolean }} Line */
/**
 * What a chart shows: xs in seconds, then ys of each series; format: of a y value. `windowMs`: x is event time in
 * windows of this length; without it x is processing time. Without points a text is shown instead.
 * @typedef {{ series: Line[], data: any[][], format: (y: number) => string, none: string, windowMs?: number,
 *   range: [number, number], marks?: { atMs: number, tone: string }[] }} Shown
 */

/** @param {HTMLElement} element @param {Shown} shown */
function draw(element, shown) {
  const { series, data, none } = shown;
  tell(element, shown);
  const scheme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const key = JSON.stringify([scheme, shown.windowMs, series.map(({ label, colour }) => [label, colour])]);
  const held = charts.get(element);
  if (data[0].length === 0 || series.length === 0) {
    held?.chart.destroy();
    charts.delete(element);
    if (element.firstElementChild?.className !== 'none') element.replaceChildren(h('div', { class: 'none' }, none));
    return;
  }
  if (held?.key === key) {
    held.shown = shown;
    held.chart.setData(data);
    return;
  }
  held?.chart.destroy();
  element.replaceChildren();
  const entry = { key, shown, chart: undefined };
  charts.set(element, entry);
  entry.chart = new uPlot(
    optionsOf(element, entry),
    /** @type {import('/vendor/uplot.js').AlignedData} */ (data),
    element,
  );
}

const names = new Map();

/** The newest values in words, for whoever cannot see the lines. @param {HTMLElement} element @param {Shown} shown */
function tell(element, { series, data, format, none }) {
  const name = names.get(element) ?? element.getAttribute('aria-label');
  names.set(element, name);
  const values = series.flatMap(({ label }, i) => {
    const value = data[i + 1]?.findLast((y) => y != null);
    return value === undefined ? [] : [`${label} ${format(value)}`];
  });
  const text = `${name}. ${values.length === 0 ? none : `Newest: ${values.join(', ')}.`}`;
  if (element.getAttribute('aria-label') !== text) element.setAttribute('aria-label', text);
}

function optionsOf(element, entry) {
  /** @type {() => Shown} */
  const shown = () => entry.shown;
  const { series, format, windowMs } = shown();
  const byEvent = windowMs !== undefined;
  const spanMs = () => (shown().range[1] - shown().range[0]) * 1000;
  const labelOf = (stepMs) => (byEvent ? timeLabel(stepMs, spanMs()) : wallTime);
  const axis = {
    stroke: css('--muted'),
    grid: { stroke: css('--grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), byEvent ? 'Etc/UTC' : undefined),
    cursor: { points: { size: 6 }, y: false },
    // The dash too: colour is never the only sign.
    legend: { live: true, markers: { dash: (_u, i) => (i > 0 && series[i - 1]?.dash ? 'dashed' : 'solid') } },
    scales: {
      x: { range: () => shown().range },
      y: { range: (_u, min, max) => yRange(min, max, byEvent) },
    },
    hooks: { draw: [(u) => drawMarks(u, shown().marks ?? [])] },
    axes: [
      {
        ...axis,
        size: 26,
        space: 84,
        values: (_u, ticks, _axis, _space, incr) => ticks.map((tick) => labelOf(incr * 1000)(tick * 1000)),
      },
      { ...axis, size: 46, values: (_u, values) => values.map((v) => format(v)) },
    ],
    series: [
      {
        label: byEvent ? 'window' : 'time',
        value: (_u, v) => (v == null ? '–' : labelOf(windowMs)(v * 1000 - (windowMs ?? 0) / 2)),
      },
      ...series.map(({ label, colour, dash, points, width, gaps }) => ({
        label,
        stroke: colour,
        width: width ?? 1.8,
        dash,
        spanGaps: gaps === true,
        points: { show: points === true, size: 5, fill: colour, filter: points === true ? undefined : lonePoints },
        value: (_u, v) => (v == null ? '–' : format(v)),
      })),
    ],
  };
}

/**
 * Places of values without a neighbour, which a line alone does not show: uPlot draws a mark at each.
 * @param {{ data: ArrayLike<number | null | undefined>[] }} u @param {number} at of the series
 */
function lonePoints(u, at) {
  const values = u.data[at] ?? [];
  const lone = [];
  for (let i = 0; i < values.length; i++)
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) lone.push(i);
  return lone.length === 0 ? null : lone;
}

function drawMarks(u, marks) {
  const { ctx, bbox } = u;
  ctx.save();
  for (const { atMs, tone } of marks) {
    const x = Math.round(u.valToPos(atMs / 1000, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = css(tone);
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const size = 5 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x - size, bbox.top);
    ctx.lineTo(x + size, bbox.top);
    ctx.lineTo(x, bbox.top + 1.6 * size);
    ctx.fill();
  }
  ctx.restore();
}

/** @returns {[number, number]} */
function yRange(min, max, tight) {
  if (min == null || max == null) return [0, 1];
  if (!tight) return [0, max <= 0 ? 1 : max * 1.12];
  const room = Math.max((max - min) * 0.15, 0.005);
  return [min - room, max + room];
}

addEventListener('resize', () => {
  for (const [element, { chart }] of charts) chart.setSize({ width: element.clientWidth, height: HEIGHT });
});

const versionsOf = (points) =>
  [...new Set(points.flatMap((point) => Object.keys(point.byVersion).map(Number)))].sort((a, b) => a - b);

/** Half a minute at least, so that the first seconds are no wall of lines. @returns {[number, number]} */
const secondsOf = (points) => {
  const last = (points.at(-1)?.atMs ?? 0) / 1000;
  return [Math.min((points[0]?.atMs ?? 0) / 1000, last - 30), last];
};

const TONES = { rollout: '--accent', restart: '--warn' };
/** @param {import('./answers.js').Live['marks']} marks */
const toned = (marks) => marks.map((mark) => ({ ...mark, tone: TONES[mark.kind] }));

/**
 * @param {HTMLElement} element
 * @param {import('./answers.js').Pulse['points']} points
 * @param {import('./answers.js').Live['marks']} marks
 */
export function drawTraffic(element, points, marks) {
  const versions = versionsOf(points);
  draw(element, {
    series: versions.map((version) => ({
      label: `version ${version}`,
      colour: versionStroke(version),
      dash: versionDash(version),
    })),
    data: [points.map((p) => p.atMs / 1000), ...versions.map((v) => points.map((p) => p.byVersion[v] ?? 0))],
    range: secondsOf(points),
    marks: toned(marks),
    format: (v) => String(Math.round(v)),
    none: 'No predictions in the last five minutes.',
  });
}

/**
 * @param {HTMLElement} element
 * @param {import('./answers.js').Pulse['points']} points
 * @param {import('./answers.js').Live['marks']} marks
 */
export function drawLatency(element, points, marks) {
  const answered = points.some((p) => p.p99Ms != null);
  draw(element, {
    series: answered
      ? [
          { label: 'p50', colour: css('--text') },
          { label: 'p99', colour: css('--muted'), dash: [5, 3] },
        ]
      : [],
    data: [points.map((p) => p.atMs / 1000), points.map((p) => p.p50Ms), points.map((p) => p.p99Ms)],
    range: secondsOf(points),
    marks: toned(marks),
    format: (v) => (v < 10 ? fixed(v, 1) : String(Math.round(v))),
    none: 'No answers to measure yet.',
  });
}

/** With an empty window wherever time is missing between two: a line over it would say what nobody knows. */
const broken = (windows) =>
  windows.flatMap((window, at) => {
    const before = windows[at - 1];
    const gap = before !== undefined && window.startMs > before.endMs;
    return gap ? [{ startMs: before.endMs, endMs: before.endMs, versions: [] }, window] : [window];
  });

/**
 * One line a version over windows; dotted: the value of the versions of the newest window when they were evaluated.
 * A line down where a version is seen for the first time, but for the first window.
 */
export function drawQuality(element, windows, models, metric, digits, none) {
  const ordered = broken(
    [...windows]
      .reverse()
      .map((w) => ({ ...w, versions: wholeVersions(w.cohorts) }))
      .filter((w) => w.versions.some((v) => v.quality?.[metric] != null)),
  );
  const waits = windows.findLast((w) => w.labelsUntilMs !== null)?.labelsUntilMs;
  const [first] = ordered;
  const last = ordered.at(-1);
  const versions = [...new Set(ordered.flatMap((w) => w.versions.map((v) => v.version)))].sort((a, b) => a - b);
  const metricOf = (w, version) => w.versions.find((v) => v.version === version)?.quality?.[metric] ?? null;
  const lines = versions.map((version) => ordered.map((w) => metricOf(w, version)));
  const evaluated = versions
    .filter((version) => last?.versions.some((v) => v.version === version))
    .map((version) => ({ version, value: models.find((m) => m.version === version)?.[metric] ?? null }))
    .filter(({ value }) => value !== null);
  const seen = versions.map((version) => ordered.find((w) => w.versions.some((v) => v.version === version)));
  draw(element, {
    series: [
      ...versions.map((version) => ({
        label: `version ${version}`,
        colour: versionStroke(version),
        dash: versionDash(version),
        points: true,
      })),
      ...evaluated.map(({ version }) => ({
        label: `version ${version} evaluated`,
        colour: versionStroke(version),
        dash: [1, 4],
        width: 1.4,
        gaps: true,
      })),
    ],
    data: [
      ordered.map((w) => (w.startMs + w.endMs) / 2000),
      ...lines,
      ...evaluated.map(({ value }) => ordered.map(() => value)),
    ],
    range: [(first?.startMs ?? 0) / 1000, (last?.endMs ?? 0) / 1000],
    marks: seen.filter((w) => w !== first).map(({ startMs }) => ({ atMs: startMs, tone: TONES.rollout })),
    format: (v) => fixed(v, digits),
    none: waits ? `Quality of the oldest window waits for labels, ${whenDataComesTo(waits)}.` : none,
    windowMs: first === undefined ? undefined : first.endMs - first.startMs,
  });
}
