// Metric recording by registered name. Counters and gauges are plain cells that the reader looks at when it collects,
// so recording costs a map look-up (or, bound to its labels, an addition) and works before start-up and in tests;
// histograms go to the OpenTelemetry SDK. At most SERIES_MAX label sets per metric; more are counted under "overflow".

import type { Attributes, Histogram, Meter } from '@opentelemetry/api';
import type { MetricSpec } from './metric-spec.js';
import { METRICS, type MetricName, type MetricOf } from './names.js';

export type Labels<N extends MetricName> = { readonly [L in (typeof METRICS)[N]['labels'][number]]: string | number };
type LabelArguments<N extends MetricName> = (typeof METRICS)[N]['labels'] extends readonly []
  ? []
  : [labels: Labels<N>];

/** Label sets per metric; more would make a scrape slow and a dashboard useless. */
export const SERIES_MAX = 1000;

interface Cell {
  readonly labels: Attributes;
  value: number;
}

type AnyLabels = Readonly<Record<string, string | number>>;

class Cells {
  readonly byKey = new Map<string, Cell>();
  private readonly labelNames: readonly string[];

  constructor(spec: MetricSpec) {
    this.labelNames = spec.labels;
  }

  cell(labels: AnyLabels | undefined): Cell {
    let key = '';
    if (labels !== undefined) for (const name of this.labelNames) key += `${labels[name]}\u0000`;
    let cell = this.byKey.get(key);
    if (cell === undefined) {
      if (this.byKey.size >= SERIES_MAX) return this.overflow();
      cell = { labels: Object.freeze({ ...labels }), value: 0 };
      this.byKey.set(key, cell);
    }
    return cell;
  }

  private overflow(): Cell {
    let cell = this.byKey.get('overflow');
    if (cell === undefined) {
      cell = { labels: Object.fromEntries(this.labelNames.map((name) => [name, 'overflow'])), value: 0 };
      this.byKey.set('overflow', cell);
    }
    return cell;
  }
}

/** Adds to one series without any look-up. */
export interface BoundCounter {
  add(count?: number): void;
}

export interface CounterHandle<N extends MetricName> {
  add(count: number, ...labels: LabelArguments<N>): void;
  bind(...labels: LabelArguments<N>): BoundCounter;
  /** Value so far, for tests and own statistics. */
  value(...labels: LabelArguments<N>): number;
}

export interface GaugeHandle<N extends MetricName> {
  set(value: number, ...labels: LabelArguments<N>): void;
  /** Read at collection time instead of being set. */
  observe(read: () => number, ...labels: LabelArguments<N>): void;
  /** Forgets a series, for example of a partition that went to another process. */
  remove(...labels: LabelArguments<N>): void;
}

export interface BoundHistogram {
  record(value: number): void;
}

export interface HistogramHandle<N extends MetricName> {
  record(value: number, ...labels: LabelArguments<N>): void;
  bind(...labels: LabelArguments<N>): BoundHistogram;
}

const counters = new Map<string, Cells>();
const gauges = new Map<string, { cells: Cells; reads: Map<string, { labels: Attributes; read: () => number }> }>();
const histograms = new Map<string, Histogram | undefined>();
let meter: Meter | undefined;

function attachCounter(name: string, cells: Cells): void {
  const spec: MetricSpec = METRICS[name as MetricName];
  meter?.createObservableCounter(name, { unit: spec.unit, description: spec.description }).addCallback((result) => {
    for (const cell of cells.byKey.values()) result.observe(cell.value, cell.labels);
  });
}

function attachGauge(
  name: string,
  entry: { cells: Cells; reads: Map<string, { labels: Attributes; read: () => number }> },
): void {
  const spec: MetricSpec = METRICS[name as MetricName];
  meter?.createObservableGauge(name, { unit: spec.unit, description: spec.description }).addCallback((result) => {
    for (const cell of entry.cells.byKey.values()) result.observe(cell.value, cell.labels);
    for (const { labels, read } of entry.reads.values()) result.observe(read(), labels);
  });
}

function createHistogram(name: string): Histogram | undefined {
  const spec: MetricSpec = METRICS[name as MetricName];
  return meter?.createHistogram(name, { unit: spec.unit, description: spec.description });
}

/** Called once by start-up with the real meter: everything declared so far is attached. */
export function attachMeter(started: Meter): void {
  meter = started;
  for (const [name, cells] of counters) attachCounter(name, cells);
  for (const [name, entry] of gauges) attachGauge(name, entry);
  for (const name of histograms.keys()) histograms.set(name, createHistogram(name));
}

/** Detaches after shutdown, so that a second start in one process (tests) attaches anew. */
export function detachMeter(): void {
  meter = undefined;
  for (const name of histograms.keys()) histograms.set(name, undefined);
}

/** A counter of names.ts; asking twice gives the same series. */
export function counter<N extends MetricOf<'counter'>>(name: N): CounterHandle<N> {
  let cells = counters.get(name);
  if (cells === undefined) {
    cells = new Cells(METRICS[name]);
    counters.set(name, cells);
    attachCounter(name, cells);
  }
  const series = cells;
  return {
    add(count, ...labels) {
      series.cell(labels[0]).value += count;
    },
    bind(...labels) {
      const cell = series.cell(labels[0]);
      return {
        add(count = 1) {
          cell.value += count;
        },
      };
    },
    value: (...labels) => series.cell(labels[0]).value,
  };
}

/** A gauge of names.ts. */
export function gauge<N extends MetricOf<'gauge'>>(name: N): GaugeHandle<N> {
  let entry = gauges.get(name);
  if (entry === undefined) {
    entry = { cells: new Cells(METRICS[name]), reads: new Map() };
    gauges.set(name, entry);
    attachGauge(name, entry);
  }
  const { cells, reads } = entry;
  return {
    set(value, ...labels) {
      cells.cell(labels[0]).value = value;
    },
    observe(read, ...labels) {
      const attributes: Attributes = { ...labels[0] };
      const key = JSON.stringify(attributes);
      if (reads.size < SERIES_MAX || reads.has(key)) reads.set(key, { labels: attributes, read });
    },
    remove(...labels) {
      const cell = cells.cell(labels[0]);
      for (const [key, candidate] of cells.byKey) if (candidate === cell) cells.byKey.delete(key);
      reads.delete(JSON.stringify({ ...labels[0] }));
    },
  };
}

/** A histogram of names.ts; nothing is recorded before start-up. */
export function histogram<N extends MetricOf<'histogram'>>(name: N): HistogramHandle<N> {
  if (!histograms.has(name)) histograms.set(name, createHistogram(name));
  return {
    record(value, ...labels) {
      histograms.get(name)?.record(value, labels[0]);
    },
    bind(...labels) {
      const attributes: Attributes = Object.freeze({ ...labels[0] });
      return {
        record(value) {
          histograms.get(name)?.record(value, attributes);
        },
      };
    },
  };
}
