// Whether this process may get traffic: every registered check passes and shutdown has not begun. Liveness is something
// else: a process that answers at all is alive.

import { PlatformError } from '@millrace/domain';

/** Ready when it returns true or nothing; not ready when it returns false or throws. */
export type ReadinessCheck = () => boolean | undefined | void | Promise<boolean | undefined | void>;

export interface ReadinessReport {
  ready: boolean;
  /** "ok", or why not, by check. */
  checks: Readonly<Record<string, string>>;
  /** What does not go well although it answers, a sentence each. */
  troubles: readonly string[];
}

/** A check that takes longer counts as failed. */
const CHECK_MS_MAX = 1500;

export class Readiness {
  private readonly checks = new Map<string, ReadinessCheck>();
  private readonly troubles: (() => string | undefined)[] = [];
  private stopping = false;

  /** Same name again replaces the check. */
  register(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }

  /** What a person should know of a process that answers all the same; undefined while all is well. */
  tell(trouble: () => string | undefined): void {
    this.troubles.push(trouble);
  }

  /** From here on the process is not ready, whatever the checks say. */
  stop(): void {
    this.stopping = true;
  }

  async report(): Promise<ReadinessReport> {
    const entries = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await outcome(check)] as const),
    );
    if (this.stopping) entries.push(['shutdown', 'in progress']);
    return {
      ready: entries.every(([, result]) => result === 'ok'),
      checks: Object.fromEntries(entries),
      troubles: this.troubles.flatMap((trouble) => trouble() ?? []),
    };
  }
}

async function outcome(check: ReadinessCheck): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${CHECK_MS_MAX} ms`), CHECK_MS_MAX);
  });
  try {
    const result = await Promise.race([Promise.resolve().then(check), late]);
    if (typeof result === 'string') return result;
    return result === false ? 'not ready' : 'ok';
  } catch (error) {
    return PlatformError.from(error).message;
  } finally {
    clearTimeout(timer);
  }
}
