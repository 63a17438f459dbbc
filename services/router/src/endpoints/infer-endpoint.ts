// One inference request on its way: look at its head, choose the version, give it an id, forward the bytes, a copy
// for each shadow after it, ask the fallback version where it failed, record what became of it. Both endpoints (gRPC
// and REST) end here; a model of a server that is not ours goes on by the door to it (src/upstream). Never waits for
// Kafka or Redis: routes are in memory.

import { type Clock, PlatformError, type RequestIds } from '@millrace/domain';
import { peekModel, type RequestHead } from '@millrace/inference';
import { GRPC_STATUS, type Headers, PREVIEW, previewVersion, type RolloutDraw, type Route } from '@millrace/routing';
import type { CountedAnswer, EvidenceBook } from '../analysis/evidence-book.js';
import type { InferCall, Tracing } from '../calls/infer-call.js';
import type { Fallbacks } from '../fallback/fallbacks.js';
import { markedAnswer } from '../fallback/marked-answer.js';
import type { Outcomes } from '../outcomes/outcomes.js';
import type { Relay } from '../relay/relay.js';
import { statusOfChosen } from '../routing/chosen-status.js';
import type { RouteTable } from '../routing/route-table.js';
import type { LiveAnswer, ShadowCopies } from '../shadows/shadow-copies.js';
import { renamedRequest } from '../upstream/renamed-request.js';
import type { UpstreamDoor } from '../upstream/upstream-door.js';
import { withRequestId } from './request-id.js';
import { ENTITY_LENGTH_MAX, REQUEST_ID_LENGTH_MAX } from './request-limits.js';

/** A version of a routed model as a client writes it. */
const VERSION_PATTERN = /^[1-9][0-9]{0,8}$/;

export interface InferOptions {
  clock: Clock;
  ids: RequestIds;
  tracing: Tracing;
  /** Of the rollouts under way. */
  evidence: EvidenceBook;
  allocate(size: number): Uint8Array;
  /** A request without a deadline gets this one, so that nothing waits for ever. */
  deadlineMaxMs: number;
  later(callback: () => void): void;
  /** Absent where nothing is copied. */
  shadows?: Pick<ShadowCopies, 'copy'>;
  /** Absent where nothing is asked twice. */
  fallbacks?: Pick<Fallbacks, 'sent' | 'after' | 'ended'>;
  /** A request to the preview of a version is answered. */
  previewed?(project: string, version: number, status: number): void;
}

/** Version 0 = serving chooses by `versionText`, '' = its own choice. */
export interface Picked {
  version: number;
  versionText: string;
  /** The route named the version, not the client. */
  byRoute: boolean;
  /** By its split. */
  drawn: boolean;
  /** By what. */
  drawnBy: string;
}

const NOTHING = new Uint8Array(0);
/** A client resets at its own clock's deadline, a moment before the router looks at its own. */
const DEADLINE_SLACK_MS = 20;

/** Whose answer the caller gets, and who gets a copy. */
interface Way {
  version: number;
  /** The route named the version, not the client. */
  byRoute: boolean;
  /** By its split. */
  drawn: boolean;
  /** In which rollout. */
  draw?: RolloutDraw | undefined;
  shadows: readonly number[];
}

/** A model without a route: serving chooses. */
const SERVINGS_OWN: Way = Object.freeze({ version: 0, byRoute: false, drawn: false, shadows: [] });

export class InferEndpoint {
  constructor(
    private readonly table: RouteTable,
    private readonly relay: Relay,
    private readonly outcomes: Outcomes,
    private readonly upstream: UpstreamDoor,
    private readonly options: InferOptions,
  ) {}

  /** Returns a cancel function; `done` is called once with `final` unless cancelled, never from within. */
  infer(call: InferCall): () => void {
    const startMs = this.options.clock.monotonicMs();
    let head: RequestHead;
    try {
      head = peekModel(call.request);
    } catch (thrown) {
      return this.refuse(call, '', GRPC_STATUS.INVALID_ARGUMENT, PlatformError.from(thrown).reason, startMs);
    }
    const elsewhere = this.upstream.choose(head, call.entity === '' ? head.entity : call.entity);
    if (elsewhere !== undefined && call.stream !== true) return this.upstream.infer(call, elsewhere, startMs);
    if (elsewhere !== undefined) {
      const reason = `model '${head.modelName}' is on another server than the first of this stream; open a stream of its own`;
      return this.refuse(call, '', GRPC_STATUS.INVALID_ARGUMENT, reason, startMs);
    }
    const isPreview = head.modelVersion === PREVIEW && this.table.get(head.modelName) !== undefined;
    const pinned = head.modelVersion === '' || isPreview ? 0 : this.pinned(head.modelName, head.modelVersion);
    const fault = this.fault(call, head, pinned);
    if (fault !== '') return this.refuse(call, '', GRPC_STATUS.INVALID_ARGUMENT, fault, startMs);
    let { request } = call;
    if (head.id === '') {
      head.id = this.options.ids.next();
      request = withRequestId(request, head.id, this.options.allocate);
    }
    const project = head.modelName;
    if (isPreview) return this.preview(call, head, request, startMs);
    const entity = call.entity === '' ? head.entity : call.entity;
    const choice = this.table.choose(project, entity, head.id, pinned, call.headers);
    if (choice.kind === 'chosen') {
      const { live: version, shadows, drawn, draw } = choice;
      const way = { version, byRoute: pinned === 0, drawn, draw, shadows };
      return this.forward(call, head, way, request, startMs);
    }
    // Without a route it may be a model of serving's own repository: serving knows it or says that nobody does.
    if (choice.kind === 'unknown_project') return this.forward(call, head, SERVINGS_OWN, request, startMs);
    const { status, message } = notLoaded(project, pinned);
    return this.refuse(call, project, status, message, startMs);
  }

  /** The version that a model's preview stands for, or why there is none. */
  previewOf(model: string): { version: number } | { status: number; message: string } {
    const route = this.table.routeOrEmpty(model);
    const version = previewVersion(route);
    return version > 0 ? { version } : { status: GRPC_STATUS.NOT_FOUND, message: noPreview(route) };
  }

  /** Answered apart: no part of what is counted, compared or watched of live traffic. */
  private preview(call: InferCall, head: RequestHead, request: Uint8Array, startMs: number): () => void {
    const { tracing, deadlineMaxMs, allocate, previewed } = this.options;
    const project = head.modelName;
    const found = this.previewOf(project);
    if (!('version' in found)) return this.refuse(call, project, found.status, found.message, startMs);
    const { version } = found;
    const traced = tracing.begin(call.traceparent);
    const ended = (status: number): void => {
      previewed?.(project, version, status);
      traced?.end(project, version, status);
    };
    const sent = this.relay.send({
      ...{ version, model: project, entity: call.entity, sequence: head.sequence, apart: true },
      request: renamedRequest(request, '', String(version), allocate),
      traceparent: traced === null ? '' : traced.traceparent,
      deadlineAtMs: Math.min(call.deadlineAtMs, startMs + deadlineMaxMs),
      stream: call.stream === true,
      done: (status, message, response, final) => {
        if (final) ended(status);
        call.done(status, message, response, final);
      },
    });
    return () => {
      if (sent !== 0 && this.relay.cancel(sent)) ended(GRPC_STATUS.CANCELLED);
    };
  }

  /** For requests that go to serving's REST as they came: the version, its text for serving, or why there is none. */
  pick(
    model: string,
    versionText: string,
    entity: string,
    headers: Headers,
  ): Picked | { status: number; message: string } {
    if (versionText === PREVIEW && this.table.get(model) !== undefined)
      return { status: GRPC_STATUS.INVALID_ARGUMENT, message: PREVIEW_OF_INFER };
    const pinned = versionText === '' ? 0 : this.pinned(model, versionText);
    if (pinned === -1)
      return { status: GRPC_STATUS.INVALID_ARGUMENT, message: 'the version is a positive whole number' };
    const id = this.options.ids.next();
    const choice = this.table.choose(model, entity, id, pinned, headers);
    if (choice.kind === 'chosen') {
      const { live: version, drawn } = choice;
      const drawnBy = this.table.drawnBy(model, entity, id);
      return { version, versionText: String(version), byRoute: pinned === 0, drawn, drawnBy };
    }
    return choice.kind === 'unknown_project'
      ? { version: 0, versionText, byRoute: false, drawn: false, drawnBy: '' }
      : notLoaded(model, pinned);
  }

  /** -1 = no version of a routed model; 0 = a model without a route, whose labels and versions serving knows. */
  private pinned(model: string, versionText: string): number {
    if (VERSION_PATTERN.test(versionText)) return Number(versionText);
    return this.table.get(model) === undefined ? 0 : -1;
  }

  /** The outcome of a request that was picked a version; its answer goes by unread. */
  passedOn({ version, drawn, drawnBy }: Picked, model: string, status: number, startMs: number): void {
    this.record(model, version, status, startMs);
    if (drawn) this.answered(model, version, drawnBy, { status, startMs, response: NOTHING, isStream: false });
  }

  record(model: string, version: number, status: number, startMs: number): void {
    this.outcomes.record(version === 0 ? '' : model, version, status, this.options.clock.monotonicMs() - startMs);
  }

  private forward(
    call: InferCall,
    { modelName: project, sequence, entity, id, priority }: RequestHead,
    { version, byRoute, drawn, draw, shadows }: Way,
    request: Uint8Array,
    startMs: number,
  ): () => void {
    let live: LiveAnswer | undefined;
    const caller = call.entity === '' ? entity : call.entity;
    const traced = this.options.tracing.begin(call.traceparent);
    if (byRoute && traced?.routed !== undefined) {
      const routed = this.table.routed(project, version, caller, id);
      if (routed !== undefined) traced.routed(routed);
    }
    const deadlineAtMs = Math.min(call.deadlineAtMs, startMs + this.options.deadlineMaxMs);
    const asked = {
      ...{ model: project, request, sequence, deadlineAtMs, priority, entity: call.entity },
      stream: call.stream === true,
      traceparent: traced === null ? '' : traced.traceparent,
    };
    // A step of a sequence belongs to its version, and a stream may have been answered in part.
    const fallbacks = byRoute && sequence === '' && !asked.stream ? this.options.fallbacks : undefined;
    fallbacks?.sent(project);
    /** While another version is asked than the one that failed. */
    let second: { sent: number; version: number } | undefined;
    const sent = this.relay.send({
      ...asked,
      version,
      draw,
      done: (answered, message, response, final) => {
        const status = byRoute ? statusOfChosen(answered) : answered;
        if (final) this.record(project, version, status, startMs);
        // What the relay refused by itself is no failure of the version.
        const fallback = final && sent !== 0 && this.relay.up ? (fallbacks?.after(project, version, status) ?? 0) : 0;
        if (fallback === 0) {
          if (final) traced?.end(project, version, status);
          call.done(status, message, response, final);
        } else {
          const again = this.relay.send({
            ...asked,
            version: fallback,
            done: (of, _, other) => {
              const isOk = of === GRPC_STATUS.OK;
              fallbacks?.ended(project, version, fallback, isOk ? 'answered' : 'failed');
              traced?.end(project, isOk ? fallback : version, isOk ? of : status, version);
              // Who failed twice hears of the version that was to answer.
              if (isOk) call.done(of, '', markedAnswer(other, version, this.options.allocate), true);
              else call.done(status, message, response, true);
            },
          });
          second = { sent: again, version: fallback };
        }
        live?.answered(status, response, final);
        // What the relay refused by itself says nothing of the version.
        if (final && drawn && sent !== 0 && this.options.evidence.isCounting) {
          const answer = { status, startMs, response, isStream: asked.stream };
          this.answered(project, version, this.table.drawnBy(project, caller, id), answer);
        }
      },
    });
    if (shadows.length > 0 && sequence === '' && sent !== 0) {
      const { entity, stream } = asked;
      live = this.options.shadows?.copy({ project, live: version, request, id, entity, stream, deadlineAtMs }, shadows);
    }
    return () => {
      if (second !== undefined) {
        if (second.sent === 0 || !this.relay.cancel(second.sent)) return;
        // Its own version has failed it already, and that is counted.
        fallbacks?.ended(project, version, second.version, 'cancelled');
        traced?.end(project, version, GRPC_STATUS.CANCELLED, version);
        return;
      }
      if (sent === 0 || !this.relay.cancel(sent)) return;
      // A caller that gives up at its deadline was kept waiting; one that gives up before says nothing of the version.
      const isLate = this.options.clock.monotonicMs() >= call.deadlineAtMs - DEADLINE_SLACK_MS;
      const status = isLate ? GRPC_STATUS.DEADLINE_EXCEEDED : GRPC_STATUS.CANCELLED;
      this.record(project, version, status, startMs);
      traced?.end(project, version, status);
      live?.gone(status);
      if (!drawn || !isLate || !this.options.evidence.isCounting) return;
      const answer = { status, startMs, response: NOTHING, isStream: false };
      this.answered(project, version, this.table.drawnBy(project, caller, id), answer);
    };
  }

  /** After the answer is on its way. */
  private answered(
    project: string,
    version: number,
    drawnBy: string,
    { startMs, ...answer }: Omit<CountedAnswer, 'elapsedMs' | 'drawnBy'> & { startMs: number },
  ): void {
    const { evidence, clock } = this.options;
    if (!evidence.isCounting) return;
    evidence.answered(project, version, { ...answer, drawnBy, elapsedMs: clock.monotonicMs() - startMs });
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
      if (!cancelled) call.done(status, message.slice(0, 512), NOTHING, true);
    });
    return () => {
      cancelled = true;
    };
  }
}

const PREVIEW_OF_INFER =
  'the preview answers inference requests with tensors only: their answers are told from live ones in the log';

function noPreview({ project, rollout, targets }: Route): string {
  const live = targets.map(({ version }) => version).join(', ');
  const now =
    rollout.phase === 'loading'
      ? `version ${rollout.version} is still loading`
      : `no version is loaded and waits for its traffic (rollout.checks.before); ${live || 'none'} ${targets.length > 1 ? 'have' : 'has'} it`;
  return `model '${project}' has no preview now: ${now}`;
}

/** A route without any version yet is "not yet", a version that is not loaded is the caller's mistake. */
function notLoaded(model: string, pinned: number): { status: number; message: string } {
  return pinned === 0
    ? { status: GRPC_STATUS.UNAVAILABLE, message: `model '${model}' has no version in service` }
    : { status: GRPC_STATUS.NOT_FOUND, message: `model '${model}' version ${pinned} is not loaded` };
}
