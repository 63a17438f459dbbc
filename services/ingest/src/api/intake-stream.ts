// One stream of requests without its transport: each is answered in the order in which they came, once Kafka has its
// records. Requests that arrive in one turn of the event loop are answered together: senders of single records cost a
// fraction that way. A stream with too many unanswered requests or records is paused, and one whose answers nobody
// reads, so that a fast sender waits instead of filling memory.

import { PlatformError } from '@millrace/domain';
import type { IntakeOutcome } from '../records/intake.js';

export interface IntakeLimits {
  streamRequestsMax: number;
  streamRecordsMax: number;
}

/** A request as far as this is concerned. */
export interface Taken {
  readonly sequence: number | bigint;
  readonly items: readonly unknown[];
}

export interface IntakePorts<R extends Taken> {
  /** Outcomes of neighbouring requests, once they are safe. */
  answerAll(requests: readonly R[]): Promise<IntakeOutcome[]>;
  /** False = the sender does not read its answers; `drained` is called when it does again. */
  write(request: R, outcome: IntakeOutcome): boolean;
  end(): void;
  fail(error: PlatformError): void;
  pause(): void;
  resume(): void;
  /** Work for the end of this turn of the event loop. */
  endOfTurn(work: () => void): void;
}

export class IntakeStream<R extends Taken> {
  private arrived: R[] = [];
  private unanswered = 0;
  private unansweredRecords = 0;
  private blocked = false;
  private paused = false;
  private ended = false;
  private over = false;
  /** Answers keep the order of their turns. */
  private tail: Promise<void> = Promise.resolve();

  constructor(
    private readonly ports: IntakePorts<R>,
    private readonly limits: IntakeLimits,
  ) {}

  take(request: R): void {
    if (this.over) return;
    this.unanswered += 1;
    this.unansweredRecords += request.items.length;
    this.flow();
    if (this.arrived.push(request) === 1) this.ports.endOfTurn(() => this.turn());
  }

  /** The sender sends no more. */
  end(): void {
    this.ended = true;
    this.endIfDone();
  }

  /** The sender is gone: what was taken goes on to Kafka, nobody is there to be told. */
  cancel(): void {
    this.over = true;
  }

  drained(): void {
    this.blocked = false;
    this.flow();
  }

  private turn(): void {
    const requests = this.arrived;
    this.arrived = [];
    const result = this.ports.answerAll(requests);
    // Handled in its turn below; until then it must not count as unhandled.
    result.catch(() => undefined);
    this.tail = this.tail.then(async () => {
      if (this.over) return;
      try {
        const outcomes = await result;
        this.answer(requests, outcomes);
      } catch (thrown) {
        if (this.over) return;
        this.over = true;
        this.ports.fail(PlatformError.from(thrown));
      }
    });
  }

  private answer(requests: readonly R[], outcomes: readonly IntakeOutcome[]): void {
    if (this.over) return;
    for (let i = 0; i < requests.length; i++) {
      const request = requests[i] as R;
      if (!this.ports.write(request, outcomes[i] as IntakeOutcome)) this.blocked = true;
      this.unansweredRecords -= request.items.length;
    }
    this.unanswered -= requests.length;
    this.flow();
    this.endIfDone();
  }

  private flow(): void {
    const { streamRequestsMax, streamRecordsMax } = this.limits;
    const full = this.blocked || this.unanswered >= streamRequestsMax || this.unansweredRecords >= streamRecordsMax;
    if (full === this.paused) return;
    this.paused = full;
    if (full) this.ports.pause();
    else this.ports.resume();
  }

  private endIfDone(): void {
    if (!this.ended || this.unanswered > 0 || this.over) return;
    this.over = true;
    this.ports.end();
  }
}

/** One call for neighbouring requests of one project; the outcome split up again by request. */
export async function together<R extends Taken & { readonly project: string }, I>(
  requests: readonly R[],
  inputsOf: (request: R) => readonly I[],
  send: (project: string, inputs: readonly I[]) => Promise<IntakeOutcome>,
): Promise<IntakeOutcome[]> {
  const outcomes: Promise<IntakeOutcome[]>[] = [];
  for (let from = 0; from < requests.length; ) {
    const { project } = requests[from] as R;
    const inputs: I[] = [];
    const counts: number[] = [];
    for (; from < requests.length && (requests[from] as R).project === project; from++) {
      const own = inputsOf(requests[from] as R);
      counts.push(own.length);
      for (const input of own) inputs.push(input);
    }
    outcomes.push(send(project, inputs).then((outcome) => split(outcome, counts)));
  }
  return outcomes.length === 1 ? (outcomes[0] as Promise<IntakeOutcome[]>) : (await Promise.all(outcomes)).flat();
}

function split({ rejections }: IntakeOutcome, counts: readonly number[]): IntakeOutcome[] {
  let start = 0;
  let next = 0;
  return counts.map((count) => {
    const end = start + count;
    const from = next;
    // In the order of their records.
    while (next < rejections.length && (rejections[next] as { index: number }).index < end) next++;
    const own = rejections.slice(from, next).map((one) => ({ ...one, index: one.index - start }));
    start = end;
    return { accepted: count - own.length, rejections: own };
  });
}
