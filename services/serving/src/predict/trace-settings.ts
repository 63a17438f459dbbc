// Triton's trace extension: of requests that bring no sampled trace of their own, every trace_rate-th becomes a trace
// while trace_level is TIMESTAMPS, at most trace_count of them (-1 = without end). Settings are global or of one model,
// which then leaves the global ones; spans go where OpenTelemetry sends them, so that trace_file and trace_mode are
// fixed.

import { PlatformError, type Rng } from '@millrace/domain';

/** Models with settings of their own. */
const MODELS_MAX = 256;
const COUNT_MAX = 2 ** 31 - 1;

export type TraceValues = Readonly<Record<string, readonly string[]>>;

interface Changes {
  on?: boolean | undefined;
  rate?: number | undefined;
  count?: number | undefined;
}

interface Sampler {
  readonly own: Changes;
  /** Traces that are left; -1 = without end. */
  left: number;
  seen: number;
}

const DEFAULTS = { on: false, rate: 1000, count: -1 } as const;
const FIXED: Readonly<Record<string, string>> = {
  trace_file: '',
  trace_mode: 'opentelemetry',
  log_frequency: '0',
};

function invalid(what: string): never {
  throw new PlatformError('invalid_argument', what);
}

export class TraceSettings {
  /** Whether any request may be sampled: the request path looks at this first. */
  active = false;
  private readonly global: Sampler = { own: {}, left: -1, seen: 0 };
  private readonly models = new Map<string, Sampler>();

  constructor(private readonly rng: Rng) {}

  /** `model` '' = global. */
  values(model: string): TraceValues {
    const { on, rate, count } = this.effective(this.models.get(model) ?? this.global);
    return {
      trace_level: [on ? 'TIMESTAMPS' : 'OFF'],
      trace_rate: [String(rate)],
      trace_count: [String(count)],
      ...Object.fromEntries(Object.entries(FIXED).map(([name, value]) => [name, [value]])),
    };
  }

  /** All or nothing. No values = back to the global setting (of a model) or the default. */
  change(model: string, changes: Iterable<readonly [string, readonly string[]]>): TraceValues {
    const read: Changes = {};
    for (const [name, values] of changes) readChange(read, name, values);
    if (Object.keys(read).length === 0) return this.values(model);
    const before = model === '' ? this.global : this.models.get(model);
    if (!before && this.models.size >= MODELS_MAX)
      invalid(`${MODELS_MAX} models have trace settings of their own already`);
    const own = { ...before?.own, ...read };
    const { count } = this.effective({ own, left: -1, seen: 0 });
    const sampler = { own, left: count, seen: 0 };
    if (model === '') Object.assign(this.global, sampler);
    else if (Object.values(own).every((value) => value === undefined)) this.models.delete(model);
    else this.models.set(model, sampler);
    this.active = [this.global, ...this.models.values()].some((one) => this.effective(one).on);
    return this.values(model);
  }

  /** A sampled traceparent for a request that begins a trace here, else ''. */
  sample(model: string): string {
    const sampler = this.models.get(model) ?? this.global;
    const { on, rate } = this.effective(sampler);
    if (!on || sampler.left === 0 || sampler.seen++ % rate !== 0) return '';
    if (sampler.left > 0) sampler.left--;
    return `00-${this.hex(8)}${this.hex(8)}${this.hex(8)}${this.hex(8)}-${this.hex(8)}${this.hex(8)}-01`;
  }

  private effective({ own }: Sampler): { on: boolean; rate: number; count: number } {
    const { own: global } = this.global;
    return {
      on: own.on ?? global.on ?? DEFAULTS.on,
      rate: own.rate ?? global.rate ?? DEFAULTS.rate,
      count: own.count ?? global.count ?? DEFAULTS.count,
    };
  }

  private hex(digits: number): string {
    // Never zero: an id of zeros is none.
    return (1 + this.rng.below(16 ** digits - 1)).toString(16).padStart(digits, '0');
  }
}

function readChange(into: Changes, name: string, values: readonly string[]): void {
  if (name === 'trace_level') {
    const known = values.every((value) => value === 'OFF' || value === 'TIMESTAMPS');
    if (!known) invalid("trace setting 'trace_level' must be OFF or TIMESTAMPS; tensors are not traced");
    into.on = values.length === 0 ? undefined : values.includes('TIMESTAMPS');
  } else if (name === 'trace_rate') into.rate = wholeNumber(name, values, 1);
  else if (name === 'trace_count') into.count = wholeNumber(name, values, -1);
  else if (name in FIXED) {
    if (values.length > 0 && (values.length > 1 || values[0] !== FIXED[name])) {
      invalid(`trace setting '${name}' cannot be changed here, it is '${FIXED[name]}'`);
    }
  } else invalid(`'${name.slice(0, 64)}' is no trace setting: trace_level, trace_rate, trace_count are`);
}

function wholeNumber(name: string, values: readonly string[], min: number): number | undefined {
  if (values.length === 0) return undefined;
  const value = Number(values[0]);
  const good = values.length === 1 && /^-?\d{1,10}$/.test(values[0] as string) && value >= min && value <= COUNT_MAX;
  return good ? value : invalid(`trace setting '${name}' must be one whole number from ${min} to ${COUNT_MAX}`);
}
