// What the prediction log gets of a call that a server elsewhere answered: who asked, when, the answer's numbers, and
// the request's tensors as views that are read when the log is written. A call whose tensors are not as the version's
// binding says is counted and not logged: its answer has long left, and nothing here can fail it.

import { ID_CHARACTERS_MAX, type Output, PlatformError, type RequestIds, type RowNames } from '@millrace/domain';
import {
  decodeInferRequest,
  decodeInferResponse,
  decodeRestRequest,
  decodeRestResponse,
  integerParameter,
  type Parameters,
  ROW_ENTITIES,
  ROW_IDS,
  rowTexts,
  type Tensor,
  textParameter,
} from '@millrace/inference';
import type { AnsweredCall, CallFacts } from './upstream-calls.js';
import type { UpstreamVersion } from './upstream-table.js';

/** Rows of one call that are logged; the others are counted. As many as serving takes in one request. */
const ROWS_MAX = 4_096;
/** Objects of a waiting call beside its bytes. */
const CALL_BYTES = 2_048;
/** A view of a larger buffer is copied, so that a small call does not keep a large read alive. */
const VIEW_SHARE_MIN = 0.5;

export interface LoggedCall extends RowNames {
  version: UpstreamVersion;
  /** 0 = not given. */
  eventTimeMs: number;
  facts: CallFacts;
  rows: number;
  inputs: readonly Tensor[];
  /** By row. */
  outputs: readonly (readonly Output[])[];
}

export interface RestCall {
  version: UpstreamVersion;
  request: Uint8Array;
  requestHeaderLength: number | undefined;
  response: Uint8Array;
  responseHeaderLength: number | undefined;
  facts: CallFacts;
}

export interface CallLogPorts {
  ids: RequestIds;
  offer(requestId: string, call: LoggedCall, rows: number, bytes: number): void;
  /** Runs it when requests rest. */
  resting(work: () => void, bytes: number): void;
  /** Rows that are not logged, and why. */
  skipped(project: string, rows: number, reason: string): void;
}

interface ReadCall {
  asked: { id: string; parameters: Parameters; inputs: readonly Tensor[] };
  /** Of the answer. */
  id: string;
  outputs: readonly Tensor[];
}

export class CallLog {
  constructor(private readonly ports: CallLogPorts) {}

  /** Never throws. */
  answered({ version, request, response, facts }: AnsweredCall): void {
    const bytes = request.length + response.length;
    this.take(version, facts, bytes, () => {
      const { id, outputs } = decodeInferResponse(ownBytes(response));
      return { asked: decodeInferRequest(ownBytes(request)), id, outputs };
    });
  }

  /** Never throws. */
  answeredOverRest(call: RestCall): void {
    const { version, request, response, facts } = call;
    this.take(version, facts, request.length + response.length, () => {
      const { id, outputs } = decodeRestResponse(response, call.responseHeaderLength);
      return { asked: decodeRestRequest(request, call.requestHeaderLength, '', ''), id, outputs };
    });
  }

  /** A call of which only that it was answered is known. */
  unread(version: UpstreamVersion, reason: string): void {
    this.ports.skipped(version.project, 1, reason);
  }

  /** The answer is on its way first, and the request that its client sends next. */
  private take(version: UpstreamVersion, facts: CallFacts, bytes: number, read: () => ReadCall): void {
    this.ports.resting(() => this.read(version, facts, bytes, read), bytes);
  }

  private read(version: UpstreamVersion, facts: CallFacts, bytes: number, read: () => ReadCall): void {
    if (version.rows === undefined) {
      this.unread(version, 'the package of the version cannot be read');
      return;
    }
    try {
      const { asked, id: answeredId, outputs } = read();
      const all = version.rows.count(asked.inputs);
      const rows = Math.min(all, ROWS_MAX);
      const id = (answeredId || asked.id || this.ports.ids.next()).slice(0, ID_CHARACTERS_MAX);
      const textsOf = (name: string) => rowTexts(asked.parameters, name, all, ID_CHARACTERS_MAX);
      const call: LoggedCall = {
        version,
        id,
        entity: (textParameter(asked.parameters, 'entity') || facts.entity).slice(0, ID_CHARACTERS_MAX),
        rowIds: textsOf(ROW_IDS),
        rowEntities: textsOf(ROW_ENTITIES),
        eventTimeMs: integerParameter(asked.parameters, 'event_time_ms') ?? 0,
        facts,
        rows,
        inputs: asked.inputs,
        outputs: version.rows.outputs(outputs, all),
      };
      if (all > ROWS_MAX) this.ports.skipped(version.project, all - ROWS_MAX, `a call has more than ${ROWS_MAX} rows`);
      this.ports.offer(id, call, rows, bytes + CALL_BYTES);
    } catch (thrown) {
      this.ports.skipped(version.project, 1, PlatformError.from(thrown).reason);
    }
  }
}

function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length >= bytes.buffer.byteLength * VIEW_SHARE_MIN ? bytes : new Uint8Array(bytes);
}
