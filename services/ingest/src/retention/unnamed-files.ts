// Finds version files that versions had and none has any more: what a process left that was killed between the deletion
// of a version and that of its file, and what a store would not remove. Each is seen twice, `UNNAMED_MS` apart, before
// it goes: a file is announced within seconds of its writing. A file that was never announced here stays: another
// installation may have written it in the same store, or this one before its Kafka lost its volume. Memory: the paths
// that were seen once.

import type { Clock } from '@millrace/domain';

export interface UnnamedPorts {
  /** Paths of all version files of a project, with what stands beside them. */
  list(project: string): Promise<readonly string[]>;
  /** Those that versions name, also of deleted projects of this name. */
  named(project: string): ReadonlySet<string>;
  /** Those that versions name, or did. */
  told(project: string): ReadonlySet<string>;
  clock: Clock;
}

/** Of processing time. Far longer than an owner that was killed is replaced, and announces what was written. */
const UNNAMED_MS = 3_600_000;

export class UnnamedFiles {
  private readonly seen = new Map<string, ReadonlyMap<string, number>>();

  constructor(private readonly ports: UnnamedPorts) {}

  /** Those that nobody has named since they were first seen here. */
  async ripe(project: string): Promise<string[]> {
    const { list, clock } = this.ports;
    const paths = this.unnamed(project, await list(project));
    const before = this.seen.get(project);
    const nowMs = clock.nowMs();
    this.seen.set(project, new Map(paths.map((path) => [path, before?.get(path) ?? nowMs])));
    return paths.filter((path) => nowMs - (before?.get(path) ?? nowMs) >= UNNAMED_MS);
  }

  /** Of these. */
  unnamed(project: string, paths: readonly string[]): string[] {
    const named = this.ports.named(project);
    const told = this.ports.told(project);
    return paths.filter((path) => told.has(path) && !named.has(path));
  }
}
