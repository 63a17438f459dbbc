// What a process notes of who did what. Noting never waits and never fails: entries are written in their order, each
// tried again until the broker has it, so that what is noted while it is away is written when it is back. At most
// WAITING_MAX wait, half of it for what was refused; what comes then is left out, counted and logged, and is not in the
// chain.

import { type AuditEntry, encodeAuditEntry } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import type { MessageProducer } from '@millrace/kafka';
import { counter, type Logger } from '@millrace/telemetry';
import { hashOf } from './audit-chain.js';

const WAITING_MAX = 1_000;
const DEADLINE_MS = 5_000;
const AGAIN_MS = 1_000;
/** Of a text that somebody sent: an entry has to fit into a message. */
const TEXT_CHARACTERS_MAX = 2_000;

const entries = counter('millrace.audit.entries');

export interface Done {
  /** Of the command, where there is one. */
  id?: string | undefined;
  project: string;
  /** As it was said; empty where nobody said. */
  who: string;
  tool: string;
  address: string;
  action: string;
  subject: string;
  reason: string;
  result: 'applied' | 'refused';
  detail: string;
  correlationId?: string | undefined;
}

export interface AuditTrailParts {
  /** Tells this life of this process from all others. */
  writer: string;
  clock: Pick<Clock, 'nowMs'>;
  producer: Pick<MessageProducer, 'send'>;
  log: Pick<Logger, 'warn'>;
  sleep(ms: number): Promise<void>;
}

/** One a process: `replica` and the moment tell it from all others. */
export function openAuditTrail({
  service,
  replica,
  ...parts
}: Omit<AuditTrailParts, 'writer' | 'sleep'> & { service: string; replica: string }): AuditTrail {
  const writer = `${service}-${replica}-${parts.clock.nowMs()}-${process.pid}`;
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  return new AuditTrail({ ...parts, writer, sleep });
}

const cut = (text: string): string =>
  text.length > TEXT_CHARACTERS_MAX ? `${text.slice(0, TEXT_CHARACTERS_MAX)}…` : text;

export class AuditTrail {
  private readonly waiting: AuditEntry[] = [];
  private sequence = 0;
  private previousSha256 = '';
  private writing: Promise<void> | undefined;
  private isClosed = false;

  constructor(private readonly parts: AuditTrailParts) {}

  note(done: Done): void {
    // What was refused cost nothing: a flood of it must not keep out what was done.
    const most = done.result === 'refused' ? WAITING_MAX / 2 : WAITING_MAX;
    if (this.waiting.length >= most) {
      entries.add(1, { outcome: 'dropped' });
      this.parts.log.warn('an entry of the audit is left out: too many wait for the broker', { action: done.action });
      return;
    }
    const { writer, clock } = this.parts;
    this.sequence += 1;
    const said = {
      ...{ writer, sequence: this.sequence, atMs: clock.nowMs(), previousSha256: this.previousSha256 },
      ...{ project: cut(done.project), who: cut(done.who), tool: cut(done.tool), address: cut(done.address) },
      ...{ action: done.action, subject: cut(done.subject), reason: cut(done.reason), detail: cut(done.detail) },
      ...{ id: done.id ?? `${writer}/${this.sequence}`, correlationId: cut(done.correlationId ?? '') },
      result: done.result,
    };
    const entry = { ...said, sha256: hashOf(said) };
    this.previousSha256 = entry.sha256;
    this.waiting.push(entry);
    this.writing ??= this.write();
  }

  /** Resolves when all that was noted is written, or the time is up. */
  async settled(withinMs: number): Promise<void> {
    if (this.writing === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.writing, late]);
    clearTimeout(timer);
  }

  /** What is not written within the time is lost with the process, and counted. */
  async close(withinMs: number): Promise<void> {
    await this.settled(withinMs);
    this.isClosed = true;
    if (this.waiting.length > 0) entries.add(this.waiting.length, { outcome: 'dropped' });
  }

  private async write(): Promise<void> {
    const { producer, log, sleep } = this.parts;
    for (let entry = this.waiting[0]; entry !== undefined && !this.isClosed; entry = this.waiting[0]) {
      try {
        const message = { key: entry.writer, value: encodeAuditEntry(entry) };
        await producer.send('audit.v1', [message], { deadlineMs: DEADLINE_MS });
        this.waiting.shift();
        entries.add(1, { outcome: 'written' });
      } catch (thrown) {
        log.warn('the audit is not written yet', { waiting: this.waiting.length }, PlatformError.from(thrown));
        await sleep(AGAIN_MS);
      }
    }
    this.writing = undefined;
  }
}
