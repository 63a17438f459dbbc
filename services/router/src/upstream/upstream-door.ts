// One request of a client of a server that is not ours, on its way there: its destination, its deadline and trace, what
// became of it, and at the end, when the answer has left, the log.

import type { Clock } from '@millrace/domain';
import type { BytesAnswer, BytesStreamEvents, OpenBytesStream } from '@millrace/grpc';
import { peekModel, type RequestHead } from '@millrace/inference';
import { GRPC_STATUS } from '@millrace/routing';
import type { EvidenceBook } from '../analysis/evidence-book.js';
import type { InferCall, Tracing } from '../calls/infer-call.js';
import type { Outcomes } from '../outcomes/outcomes.js';
import type { CallLog } from './call-log.js';
import { renamedRequest } from './renamed-request.js';
import { type CallHeaders, metadataOf, type UpstreamCalls } from './upstream-calls.js';
import type { Destination, UpstreamChoice, UpstreamChooser } from './upstream-choice.js';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const STREAM = '/inference.GRPCInferenceService/ModelStreamInfer';
/** Whose requests begin with a model's name and version. */
const ABOUT_A_MODEL: ReadonlySet<string> = new Set(['ModelReady', 'ModelMetadata', 'ModelConfig', 'ModelStatistics']);
const NOTHING = new Uint8Array(0);

export interface UpstreamDoorOptions {
  clock: Clock;
  tracing: Tracing;
  /** Of the rollouts under way. */
  evidence: EvidenceBook;
  allocate(size: number): Uint8Array;
  later(callback: () => void): void;
}

export class UpstreamDoor {
  constructor(
    readonly chooser: UpstreamChooser,
    private readonly calls: UpstreamCalls,
    private readonly log: CallLog,
    private readonly outcomes: Outcomes,
    private readonly options: UpstreamDoorOptions,
  ) {}

  /** Behind the whole router stands a server that is not ours. */
  get isBehind(): boolean {
    return this.chooser.behind !== '';
  }

  choose(head: Pick<RequestHead, 'modelName' | 'modelVersion' | 'id'>, entity: string): UpstreamChoice | undefined {
    return this.chooser.choose({ model: head.modelName, version: head.modelVersion, entity, requestId: head.id });
  }

  /** Returns a cancel function; `done` is called once unless cancelled, never from within. */
  infer(call: InferCall, choice: UpstreamChoice, startMs: number): () => void {
    if (choice.kind === 'refused') return this.refuse(call, choice, startMs);
    const { clock, tracing, allocate, evidence } = this.options;
    const { project, version, watched, drawnBy } = choice;
    const traced = tracing.begin(call.traceparent);
    const traceparent = traced?.traceparent ?? '';
    const request = renamedRequest(call.request, choice.model, choice.modelVersion, allocate);
    const record = (status: number): number => {
      const latencyMs = clock.monotonicMs() - startMs;
      this.outcomes.record(project, version, status, latencyMs);
      traced?.end(project, version, status);
      return latencyMs;
    };
    let open = true;
    const sent = {
      path: INFER,
      deadlineAtMs: call.deadlineAtMs,
      headers: metadataOf(call.metadata ?? [], traceparent),
    };
    const cancel = this.calls.unary(choice.address, sent, request, (answer) => {
      open = false;
      const { status, message, response } = readable(answer, call, choice.address);
      // The answer first: the rest is done while it travels.
      call.done(status, message, response, true);
      const latencyMs = record(status);
      if (drawnBy !== '' && evidence.isCounting)
        evidence.answered(project, version, { status, elapsedMs: latencyMs, response, isStream: false, drawnBy });
      if (status !== GRPC_STATUS.OK || watched === undefined) return;
      const facts = { entity: call.entity, traceparent, answeredAtMs: clock.nowMs(), latencyMs };
      this.log.answered({ version: watched, request: call.request, response, facts });
    });
    return () => {
      if (!open) return;
      open = false;
      cancel();
      record(GRPC_STATUS.CANCELLED);
    };
  }

  /**
   * Where another rpc than an inference goes, and its request under the name that is known there; undefined: to
   * serving.
   */
  question(method: string, request: Uint8Array): { address: string; request: Uint8Array } | undefined {
    const { behind } = this.chooser;
    if (!ABOUT_A_MODEL.has(method)) return behind === '' ? undefined : { address: behind, request };
    try {
      const { modelName, modelVersion } = peekModel(request);
      const there = this.chooser.primary(modelName, modelVersion);
      if (there === undefined) return undefined;
      const named = renamedRequest(request, there.model, there.modelVersion, this.options.allocate);
      return { address: there.address, request: named };
    } catch {
      return behind === '' ? undefined : { address: behind, request };
    }
  }

  /** Asks a question there; the answer comes as it was given. */
  ask(address: string, call: CallHeaders & { path: string }, request: Uint8Array, done: (answer: BytesAnswer) => void) {
    return this.calls.unary(address, call, request, done);
  }

  /** A whole ModelStreamInfer goes to where its first message goes: what it says later is about the same server. */
  streamTo({ address, project, version }: Destination, call: Omit<InferCall, 'request' | 'done'>): StreamThere {
    const { clock } = this.options;
    const headers = metadataOf(call.metadata ?? [], call.traceparent);
    const open = (events: BytesStreamEvents): OpenBytesStream =>
      this.calls.stream(address, { path: STREAM, deadlineAtMs: call.deadlineAtMs, headers }, events);
    const startMs = clock.monotonicMs();
    const ended = (status: number) => this.outcomes.record(project, version, status, clock.monotonicMs() - startMs);
    return { open, ended };
  }

  /** A message of a stream under the name that the server knows. */
  streamMessage(message: Uint8Array): Uint8Array {
    try {
      const choice = this.choose(peekModel(message), '');
      if (choice?.kind !== 'there') return message;
      if (choice.watched) this.log.unread(choice.watched, 'streams are passed on, not logged');
      return renamedRequest(message, choice.model, choice.modelVersion, this.options.allocate);
    } catch {
      return message; // the server says what is wrong with it
    }
  }

  private refuse(call: InferCall, choice: Exclude<UpstreamChoice, Destination>, startMs: number): () => void {
    const { clock, later } = this.options;
    this.outcomes.record(choice.project, 0, choice.status, clock.monotonicMs() - startMs);
    let cancelled = false;
    later(() => cancelled || call.done(choice.status, choice.message, NOTHING, true));
    return () => {
      cancelled = true;
    };
  }
}

/** An answer that is none is the server's failure, not its client's. */
function readable(answer: BytesAnswer, call: InferCall, address: string): BytesAnswer {
  if (answer.status !== GRPC_STATUS.OK) return answer;
  const why = call.unreadable?.(answer.response);
  if (why === undefined) return answer;
  return {
    ...answer,
    status: GRPC_STATUS.INTERNAL,
    message: `the upstream ${address} answered what cannot be read: ${why}`,
  };
}

export interface StreamThere {
  open(events: BytesStreamEvents): OpenBytesStream;
  /** What the whole stream counts as. */
  ended(status: number): void;
}
