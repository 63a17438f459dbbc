// Keeps a REST inference that passes on its way to an upstream and back, for the log: parts by reference, at most
// CALL_BYTES_MAX of a call and WAITING_BYTES_MAX of all that are on their way. What is larger passes unread.

import type { IncomingHttpHeaders } from 'node:http';
import { gunzip, inflate } from 'node:zlib';
import { codingOf, parseHeaderLength } from '@millrace/inference';
import type { Tap } from '../calls/forward.http.js';
import type { CallLog } from './call-log.js';
import type { CallFacts } from './upstream-calls.js';
import type { UpstreamVersion } from './upstream-table.js';

/** Request and answer together; a thousand rows of a hundred numbers as JSON. */
const CALL_BYTES_MAX = 2_097_152;
/** Of all calls on their way. */
const WAITING_BYTES_MAX = 67_108_864;

const unzip = { gzip: gunzip, deflate: inflate };

/** Bytes of calls on their way, all taps of an endpoint together. */
export class TapBudget {
  bytes = 0;
}

export class RestTap implements Tap {
  private request: Buffer[] = [];
  private response: Buffer[] = [];
  private bytes = 0;
  private isTooLarge = false;
  private answer: { status: number; headers: IncomingHttpHeaders } | undefined;

  constructor(
    private readonly version: UpstreamVersion,
    private readonly requestHeaders: IncomingHttpHeaders,
    private readonly budget: TapBudget,
    private readonly log: CallLog,
    private readonly facts: () => CallFacts,
  ) {}

  sent(part: Buffer): void {
    this.keep(this.request, part);
  }

  head(status: number, headers: IncomingHttpHeaders): void {
    this.answer = { status, headers };
  }

  received(part: Buffer): void {
    this.keep(this.response, part);
  }

  done(): void {
    const { answer, request, response, version, log } = this;
    const facts = this.facts();
    const isAnswered = answer?.status === 200;
    const isWhole = !this.isTooLarge;
    this.close();
    if (!isAnswered) return;
    if (!isWhole) {
      log.unread(version, `a call over REST has more than ${CALL_BYTES_MAX} bytes`);
      return;
    }
    const read = async (): Promise<void> => {
      const asked = await plain(Buffer.concat(request), this.requestHeaders);
      const told = await plain(Buffer.concat(response), answer.headers);
      log.answeredOverRest({
        version,
        facts,
        request: asked,
        requestHeaderLength: parseHeaderLength(one(this.requestHeaders['inference-header-content-length'])),
        response: told,
        responseHeaderLength: parseHeaderLength(one(answer.headers['inference-header-content-length'])),
      });
    };
    read().catch((thrown: unknown) => log.unread(version, `a call over REST: ${(thrown as Error).message}`));
  }

  /** Lets go of what it keeps; the call has ended, however. */
  close(): void {
    this.budget.bytes -= this.bytes;
    this.bytes = 0;
    this.request = [];
    this.response = [];
    this.isTooLarge = true;
  }

  private keep(parts: Buffer[], part: Buffer): void {
    if (this.isTooLarge) return;
    if (this.bytes + part.length > CALL_BYTES_MAX || this.budget.bytes + part.length > WAITING_BYTES_MAX) {
      this.close();
      return;
    }
    this.bytes += part.length;
    this.budget.bytes += part.length;
    parts.push(part);
  }
}

async function plain(body: Buffer, headers: IncomingHttpHeaders): Promise<Buffer> {
  const coding = codingOf((headers['content-encoding'] ?? '').trim().toLowerCase());
  if (coding === undefined) return body;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, bytes: Buffer) => (error ? reject(error) : resolve(bytes));
    unzip[coding](body, { maxOutputLength: 8 * CALL_BYTES_MAX }, done);
  });
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
