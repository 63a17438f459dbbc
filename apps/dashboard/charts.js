// uPlot charts in the page's colours. One chart an element; its data is replaced, it is rebuilt only when series or
// colour scheme change.

import { fixed, h, shortDay, wallTime, wholeVersions } from '/format.js';
import uPlot from '/vendor/uplot.js';

const charts = new Map();
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const PALETTE = ['--blue', '--green', '--v3', '--v4', '--v5'];
/** Version 1 blue, version 2 green ... the same everywhere on the page. */
export const versionColour = (version) => css(PALETTE[(version - 1) % PALETTE.length]);

const HEIGHT = 170;

/**
 * series: [{ label, colour, dash?, points? }]; data: [xs in seconds, ys ...]; format: of a y value.
 * Without points a text is shown instead.
 */
export function draw(element, { series, data, format, none, step = 'wall' }) {
  const scheme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const key = JSON.stringify([scheme, series.map(({ label, colour }) => [label, colour])]);
  const held = charts.get(element);
  const filled = data[0].length > 0 && series.length > 0;
  if (!filled) {
    held?.chart.destroy();
    charts.delete(element);
    element.replaceChildren(h('div', { class: 'none' }, none));
    return;
  }
  if (held?.key === key) {
    held.chart.setData(data);
    return;
  }
  held?.chart.destroy();
  element.replaceChildren();
  const timeOf = step === 'event' ? shortDay : wallTime;
  const axis = {
    stroke: css('--muted'),
    grid: { stroke: css('--grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  };
  const chart = new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT,
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), step === 'event' ? 'Etc/UTC' : undefined),
      cursor: { points: { size: 6 }, y: false },
      legend: { live: true },
      scales: { y: { range: (_u, min, max) => yRange(min, max, step === 'event') } },
      axes: [
        { ...axis, size: 26, space: 70, values: (_u, ticks) => ticks.map((tick) => timeOf(tick * 1000)) },
        { ...axis, size: 46, values: (_u, values) => values.map((v) => format(v)) },
      ],
      series: [
        { label: step === 'event' ? 'window' : 'time', value: (_u, v) => (v == null ? '–' : timeOf(v * 1000)) },
        ...series.map(({ label, colour, dash, points, width }) => ({
          label,
          stroke: colour,
          width: width ?? 1.8,
          dash,
          spanGaps: dash !== undefined,
          points: { show: points === true, size: 5, fill: colour },
          value: (_u, v) => (v == null ? '–' : format(v)),
        })),
      ],
    },
    data,
    element,
  );
  charts.set(element, { chart, key });
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

/** @param {HTMLElement} element @param {import('./answers.js').Pulse['points']} points */
export function drawTraffic(element, points) {
  const versions = versionsOf(points);
  draw(element, {
    series: versions.map((version) => ({ label: `version ${version}`, colour: versionColour(version) })),
    data: [points.map((p) => p.atMs / 1000), ...versions.map((v) => points.map((p) => p.byVersion[v] ?? 0))],
    format: (v) => String(Math.round(v)),
    none: 'No predictions in the last five minutes.',
  });
}

/** @param {HTMLElement} element @param {import('./answers.js').Pulse['points']} points */
export function drawLatency(element, points) {
  const answered = points.some((p) => p.p99Ms != null);
  draw(element, {
    series: answered
      ? [
          { label: 'p50', colour: css('--accent') },
          { label: 'p99', colour: css('--warn') },
        ]
      : [],
    data: [points.map((p) => p.atMs / 1000), points.map((p) => p.p50Ms), points.map((p) => p.p99Ms)],
    format: (v) => (v < 10 ? fixed(v, 1) : String(Math.round(v))),
    none: 'No answers to measure yet.',
  });
}

/** One line a version over windows; `evaluated`: the version's value when it was trained, dashed. */
export function drawQuality(element, windows, models, metric, digits) {
  const ordered = [...windows]
    .reverse()
    .map((w) => ({ ...w, versions: wholeVersions(w.cohorts) }))
    .filter((w) => w.versions.some((v) => v.quality?.[metric] != null));
  const versions = [...new Set(ordered.flatMap((w) => w.versions.map((v) => v.version)))].sort((a, b) => a - b);
  const metricOf = (w, version) => w.versions.find((v) => v.version === version)?.quality?.[metric] ?? null;
  const lines = versions.map((version) => ordered.map((w) => metricOf(w, version)));
  const evaluated = versions
    .map((version) => ({ version, value: models.find((m) => m.version === version)?.[metric] ?? null }))
    .filter(({ value }) => value !== null);
  draw(element, {
    series: [
      ...versions.map((version) => ({ label: `version ${version}`, colour: versionColour(version), points: true })),
      ...evaluated.map(({ version }) => ({
        label: `v${version} evaluated`,
        colour: versionColour(version),
        dash: [5, 5],
        width: 1,
      })),
    ],
    data: [
      ordered.map((w) => (w.startMs + w.endMs) / 2000),
      ...lines,
      ...evaluated.map(({ value }) => ordered.map(() => value)),
    ],
    format: (v) => fixed(v, digits),
    none: 'No labelled window yet: quality appears when labels have arrived.',
    step: 'event',
  });
}
