// One inference request on its way: look at its head, choose the version, give it an id, forward the bytes, record what
// became of it. Both doors (gRPC and REST) end here. Never waits for Kafka or Redis: routes are in memory.

import { type Clock, PlatformError } from '@millrace/domain';
import { peekModel, type RequestHead } from '@millrace/inference';
import type { Outcomes } from '../outcomes/outcomes.js';
import { type Done, type Relay, STATUS } from '../relay/relay.js';
import type { RouteTable } from '../routing/route-table.js';
import { type RequestIds, withRequestId } from './request-id.js';

/** A model version as a client writes it. */
const VERSION_PATTERN = /^[1-9][0-9]{0,8}$/;
/** Sticky keys longer than this are refused: they travel in every frame. */
export const ENTITY_LENGTH_MAX = 256;
/** Longest request id taken from a client. */
export const REQUEST_ID_LENGTH_MAX = 256;

export interface InferCall {
  request: Uint8Array;
  /** Header `millrace-entity`; '' = none, then the request parameter counts. */
  entity: string;
  traceparent: string;
  /** On the monotonic clock; Infinity = none. */
  deadlineAtMs: number;
  done: Done;
}

/** Sampled spans only; null for a request that is not traced. */
export interface Tracing {
  begin(traceparent: string): TracedCall | null;
}

export interface TracedCall {
  traceparent: string;
  end(project: string, version: number, status: number): void;
}

export interface InferOptions {
  clock: Clock;
  ids: RequestIds;
  tracing: Tracing;
  allocate(size: number): Uint8Array;
  /** A request without a deadline gets this one, so that nothing waits for ever. */
  deadlineMaxMs: number;
  later(callback: () => void): void;
}

const NOTHING = new Uint8Array(0);

export class InferDoor {
  constructor(
    private readonly table: RouteTable,
    private readonly relay: Relay,
    private readonly outcomes: Outcomes,
    private readonly options: InferOptions,
  ) {}

  /** Returns a cancel function; `done` is called once unless cancelled, never from within. */
  infer(call: InferCall): () => void {
    const startMs = this.options.clock.monotonicMs();
    let head: RequestHead;
    try {
      head = peekModel(call.request);
    } catch (thrown) {
      return this.refuse(call, '', STATUS.INVALID_ARGUMENT, PlatformError.from(thrown).reason, startMs);
    }
    const pinned =
      head.modelVersion === '' ? 0 : VERSION_PATTERN.test(head.modelVersion) ? Number(head.modelVersion) : -1;
    const fault = this.fault(call, head, pinned);
    if (fault !== '') return this.refuse(call, '', STATUS.INVALID_ARGUMENT, fault, startMs);
    let { request } = call;
    let { id } = head;
    if (id === '') {
      id = this.options.ids.next();
      request = withRequestId(request, id, this.options.allocate);
    }
    const project = head.modelName;
    const version = this.table.choose(project, call.entity === '' ? head.entity : call.entity, id, pinned);
    if (typeof version !== 'number') {
      const known = version.kind === 'not_loaded';
      const what = known
        ? pinned === 0
          ? 'has no version in service'
          : `version ${pinned} is not loaded`
        : 'is not known';
      // A route without any version yet is "not yet", an unknown model is the caller's mistake.
      const status = known && pinned === 0 ? STATUS.UNAVAILABLE : STATUS.NOT_FOUND;
      return this.refuse(call, known ? project : '', status, `model '${project}' ${what}`, startMs);
    }
    return this.forward(call, project, version, request, startMs);
  }

  private forward(call: InferCall, project: string, version: number, request: Uint8Array, startMs: number): () => void {
    const traced = this.options.tracing.begin(call.traceparent);
    const sent = this.relay.send({
      version,
      model: project,
      request,
      traceparent: traced === null ? '' : traced.traceparent,
      entity: call.entity,
      deadlineAtMs: Math.min(call.deadlineAtMs, startMs + this.options.deadlineMaxMs),
      done: (status, message, response) => {
        this.outcomes.record(project, version, status, this.options.clock.monotonicMs() - startMs);
        traced?.end(project, version, status);
        call.done(status, message, response);
      },
    });
    return () => {
      if (sent === 0 || !this.relay.cancel(sent)) return;
      this.outcomes.record(project, version, STATUS.CANCELLED, this.options.clock.monotonicMs() - startMs);
      traced?.end(project, version, STATUS.CANCELLED);
    };
  }

  private fault(call: InferCall, head: RequestHead, pinned: number): string {
    if (head.modelName === '') return 'model_name is missing';
    if (pinned === -1) return 'model_version is a positive whole number or empty';
    if (head.id.length > REQUEST_ID_LENGTH_MAX) return `id has more than ${REQUEST_ID_LENGTH_MAX} characters`;
    const longest = Math.max(call.entity.length, head.entity.length);
    return longest > ENTITY_LENGTH_MAX ? `entity has more than ${ENTITY_LENGTH_MAX} characters` : '';
  }

  private refuse(call: InferCall, project: string, status: number, message: string, startMs: number): () => void {
    this.outcomes.record(project, 0, status, this.options.clock.monotonicMs() - startMs);
    let cancelled = false;
    this.options.later(() => {
      if (!cancelled) call.done(status, message.slice(0, 512), NOTHING);
    });
    return () => {
      cancelled = true;
    };
  }
}
