// How a request meets the queue: its priority level, until when it may wait, and what happens then, from the model's
// queue policies and the request's parameters `priority` and `timeout` (µs).

import { type Clock, PlatformError } from '@millrace/domain';
import { integerParameter, NO_PARAMETERS, type Parameters } from '@millrace/inference';
import type { ModelSpec, QueuePolicy } from '../declaration/model-spec.js';
import { PLAIN_POLICY } from './model-defaults.js';

/** Priorities a model may declare; the queue keeps one lane for each in use. */
const LEVELS_MAX = 1000;

export interface QueueTerms {
  /** 0 = the model has no priorities; else 1 (highest) and up. */
  readonly level: number;
  /** On the monotonic clock; Infinity = none. */
  readonly timeoutAtMs: number;
  readonly timeoutAction: 'reject' | 'delay';
}

export class QueueTermsReader {
  private readonly levels: number;
  private readonly defaultLevel: number;

  /** Throws invalid_argument for more levels than are supported. */
  constructor(
    private readonly spec: ModelSpec,
    private readonly clock: Clock,
  ) {
    this.levels = spec.batching?.priorityLevels ?? 0;
    this.defaultLevel = spec.batching?.defaultPriorityLevel || 1;
    if (this.levels > LEVELS_MAX) {
      throw new PlatformError(
        'invalid_argument',
        `model '${spec.name}' has ${this.levels} priority levels, at most ${LEVELS_MAX} are supported`,
      );
    }
  }

  policy(level: number): QueuePolicy {
    const { batching } = this.spec;
    return batching ? (batching.policies.get(level) ?? batching.defaultPolicy) : PLAIN_POLICY;
  }

  /** A priority of 0 or beyond the model's levels is its default one, as in Triton. */
  read(parameters: Parameters): QueueTerms {
    let level = 0;
    let ownUs = 0;
    if (parameters !== NO_PARAMETERS) {
      level = natural(parameters, 'priority');
      ownUs = natural(parameters, 'timeout');
    }
    if (this.levels === 0) level = 0;
    else if (level === 0 || level > this.levels) level = this.defaultLevel;
    const { timeoutAction, defaultTimeoutUs, allowTimeoutOverride } = this.policy(level);
    let timeoutUs = defaultTimeoutUs > 0 ? defaultTimeoutUs : Number.POSITIVE_INFINITY;
    // A request may shorten the model's time, never lengthen it.
    if (allowTimeoutOverride && ownUs > 0) timeoutUs = Math.min(timeoutUs, ownUs);
    const timeoutAtMs =
      timeoutUs === Number.POSITIVE_INFINITY ? timeoutUs : this.clock.monotonicMs() + timeoutUs / 1000;
    return { level, timeoutAtMs, timeoutAction };
  }
}

function natural(parameters: Parameters, name: string): number {
  const value = integerParameter(parameters, name) ?? 0;
  if (value >= 0) return value;
  throw new PlatformError('invalid_argument', `parameter '${name}' is ${value}, expected >= 0`);
}
