// A stream into ingest that loses nothing: when it breaks it is opened at the next process, and what was not answered
// is sent once more, as ingest's clients do.

import { systemClock } from '@millrace/domain';
import { BytesClient, type OpenBytesStream } from '@millrace/grpc';

const ANSWER_BYTES_MAX = 1 << 20;
const REOPEN_MS = 50;
/** Of what was refused, kept to be shown. */
const SHOWN_MAX = 20;

export interface IntakeAnswer {
  sequence: bigint;
  accepted: number;
  rejections: { recordId: string; reasons: unknown[] }[];
}

export class Intake {
  acknowledged = 0;
  refused = 0;
  /** How often the stream had to be opened anew. */
  reopened = 0;
  readonly refusals: string[] = [];
  /** In the order in which they were sent. */
  private readonly pending = new Map<number, { request: Uint8Array; row: number }>();
  private readonly clients: readonly BytesClient[];
  private stream: OpenBytesStream | undefined;
  private sequence = 0;
  private closed = false;

  /** `first`: of the addresses. */
  constructor(
    addresses: readonly string[],
    private readonly path: string,
    private readonly answerOf: (bytes: Uint8Array) => IntakeAnswer,
    private at: number,
  ) {
    this.clients = addresses.map((address) => new BytesClient(address, systemClock, ANSWER_BYTES_MAX));
    this.open();
  }

  /** The first row of the oldest request that is not answered. */
  get oldestRow(): number {
    for (const { row } of this.pending.values()) return row;
    return Number.POSITIVE_INFINITY;
  }

  send(row: number, make: (sequence: number) => Uint8Array): void {
    const request = make(++this.sequence);
    this.pending.set(this.sequence, { request, row });
    this.stream?.write(request);
  }

  close(): void {
    this.closed = true;
    this.stream?.endWriting();
    for (const client of this.clients) client.close();
  }

  private open(): void {
    const client = this.clients[this.at % this.clients.length] as BytesClient;
    this.stream = client.stream(
      { path: this.path, deadlineAtMs: Number.POSITIVE_INFINITY, headers: {} },
      {
        message: (bytes) => this.answered(this.answerOf(bytes)),
        drained: () => undefined,
        end: () => {
          this.stream = undefined;
          if (this.closed) return;
          this.at += 1;
          this.reopened += 1;
          setTimeout(() => this.open(), REOPEN_MS);
        },
      },
    );
    for (const { request } of this.pending.values()) this.stream.write(request);
  }

  private answered({ sequence, accepted, rejections }: IntakeAnswer): void {
    if (!this.pending.delete(Number(sequence))) return;
    this.acknowledged += accepted;
    this.refused += rejections.length;
    for (const { recordId, reasons } of rejections)
      if (this.refusals.length < SHOWN_MAX) this.refusals.push(`${recordId}: ${JSON.stringify(reasons)}`);
  }
}
