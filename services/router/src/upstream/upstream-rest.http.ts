// REST requests for servers that are not ours, as they came. Only the server behind the whole router has a REST
// address: what goes to another one is turned into gRPC, as is everything where that address is not known, and only
// inferences can be.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, PlatformError } from '@millrace/domain';
import { codeOfStatus } from '@millrace/grpc';
import type { EvidenceBook } from '../analysis/evidence-book.js';
import { Forward, type Forwarded } from '../calls/forward.http.js';
import { grpcStatus } from '../calls/http-status.js';
import type { Outcomes } from '../outcomes/outcomes.js';
import type { CallLog } from './call-log.js';
import { RestTap, TapBudget } from './rest-tap.http.js';
import type { UpstreamChoice, UpstreamChooser } from './upstream-choice.js';

/** What is about a model, and what of it is asked. */
const MODEL_PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/([^/]+))?$/;
const NOTHING = new Uint8Array(0);
const CALLS: ReadonlySet<string> = new Set(['infer', 'generate', 'generate_stream']);

export interface UpstreamRestOptions {
  clock: Clock;
  /** Of the rollouts under way. */
  evidence: EvidenceBook;
  /** Of the server behind the whole router; undefined = not known, or there is none. */
  at: { host: string; port: number } | undefined;
  requestBytesMax: number;
}

export class UpstreamRest {
  private readonly there: Forward | undefined;
  private readonly budget = new TapBudget();

  constructor(
    private readonly chooser: UpstreamChooser,
    private readonly log: CallLog,
    private readonly outcomes: Outcomes,
    private readonly options: UpstreamRestOptions,
  ) {
    const { at } = options;
    this.there = at && new Forward(at.host, at.port, `the upstream ${at.host}:${at.port}`);
  }

  close(): void {
    this.there?.close();
  }

  /** undefined: it is not for a server elsewhere, or takes the way of gRPC. */
  pass(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> | undefined {
    const { behind } = this.chooser;
    const [, modelPart = '', versionPart = '', what = ''] = MODEL_PATH.exec(path) ?? [];
    const [model, version] = [decoded(modelPart), decoded(versionPart)];
    const entity = request.headers['millrace-entity'];
    const asked = { model, version, entity: typeof entity === 'string' ? entity : '', requestId: '' };
    const choice = modelPart === '' ? undefined : this.choose(asked, CALLS.has(what));
    const { there } = this;
    if (choice === undefined && behind === '') return undefined;
    if (what === 'infer' && (there === undefined || (choice?.kind === 'there' && choice.address !== behind)))
      return undefined;
    if (choice?.kind === 'refused') {
      request.resume();
      throw new PlatformError(codeOfStatus(choice.status), choice.message);
    }
    if (there === undefined) {
      request.resume();
      const which = choice === undefined ? behind : choice.address;
      throw new PlatformError(
        'unimplemented',
        `the upstream ${which} is known by its gRPC address only: over REST there are inferences; ` +
          'start `millrace watch` with --upstream-http HOST:PORT for everything else',
      );
    }
    const query = (request.url ?? '').slice(path.length);
    const renamed =
      choice === undefined || modelPart === ''
        ? path
        : `/v2/models/${choice.model === '' ? modelPart : encodeURIComponent(choice.model)}` +
          versionPath(versionPart || encodeURIComponent(choice.modelVersion)) +
          (what === '' ? '' : `/${what}`);
    const forwarded = { path: renamed + query, bodyBytesMax: this.options.requestBytesMax };
    if (choice === undefined || !CALLS.has(what)) return there.forward(request, response, forwarded);
    return this.call(request, response, there, what === 'infer', choice, forwarded);
  }

  private choose(asked: Parameters<UpstreamChooser['choose']>[0], isCall: boolean): UpstreamChoice | undefined {
    return isCall ? this.chooser.choose(asked) : this.chooser.primary(asked.model, asked.version);
  }

  private async call(
    request: IncomingMessage,
    response: ServerResponse,
    there: Forward,
    isInfer: boolean,
    { project, version, watched, drawnBy }: Exclude<UpstreamChoice, { kind: 'refused' }>,
    forwarded: Forwarded,
  ): Promise<void> {
    const { clock, evidence } = this.options;
    const startMs = clock.monotonicMs();
    const { headers } = request;
    const facts = () => ({
      entity: typeof headers['millrace-entity'] === 'string' ? headers['millrace-entity'] : '',
      traceparent: '',
      answeredAtMs: clock.nowMs(),
      latencyMs: clock.monotonicMs() - startMs,
    });
    const tap = watched && isInfer ? new RestTap(watched, headers, this.budget, this.log, facts) : undefined;
    if (watched && !isInfer) this.log.unread(watched, 'generate is passed on, not logged');
    try {
      await there.forward(request, response, {
        ...forwarded,
        ...(tap ? { tap } : {}),
        answered: (httpStatus) => {
          const [status, elapsedMs] = [grpcStatus(httpStatus), clock.monotonicMs() - startMs];
          this.outcomes.record(project, version, status, elapsedMs);
          if (drawnBy === '' || !evidence.isCounting) return;
          // The answer goes by unread: no score.
          evidence.answered(project, version, { status, elapsedMs, response: NOTHING, isStream: false, drawnBy });
        },
      });
    } finally {
      tap?.close();
    }
  }
}

function versionPath(version: string): string {
  return version === '' ? '' : `/versions/${version}`;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new PlatformError('invalid_argument', 'the path is not valid percent-encoding');
  }
}
