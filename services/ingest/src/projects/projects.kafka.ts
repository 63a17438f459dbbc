// Applies and removes project files: parses, gives the next revision, writes projects.v1 (key project; null = removed),
// and fills the registry from it.

import { decodeProject, encodeProject, type ProjectEntry } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import type { MessageProducer, OnEntry } from '@millrace/kafka';
import { canonicalJson, type ParsedProject, type ProjectFault, parseProject } from '@millrace/project';
import type { ProjectRegistry } from './project-registry.js';
import { absoluteSources } from './source-paths.js';

export type Applied =
  | { kind: 'applied'; entry: ProjectEntry; changed: boolean }
  | { kind: 'invalid'; faults: ProjectFault[] };

export class ProjectPublisher {
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly registry: ProjectRegistry,
    private readonly producer: MessageProducer,
    private readonly clock: Clock,
    private readonly sha256Hex: (text: string) => string,
  ) {}

  /** `folder`: where the file stands, for relative paths of its sources. The same file again changes nothing. */
  apply(text: string, fileName: string, folder: string | null): Promise<Applied> {
    return this.inTurn(() => this.applyNext(parseProject(text, fileName), folder));
  }

  /**
   * Resolves with what it was; every service hears of it by the topic. Files of dataset versions and packages stay, and
   * belong to no project: one of this name that is applied later has another `createdAtMs`.
   */
  async remove(name: string): Promise<ProjectEntry> {
    return this.inTurn(async () => {
      this.registry.get(name);
      const entry = this.registry.entry(name) as ProjectEntry;
      await this.producer.send('projects.v1', [{ key: name, value: null }]);
      this.registry.remove(name);
      return entry;
    });
  }

  /** One after the other: two callers must not get the same revision. */
  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.tail.then(step);
    this.tail = result.catch(() => undefined);
    return result;
  }

  private async applyNext(parsed: ParsedProject, folder: string | null): Promise<Applied> {
    if (parsed.kind === 'invalid') return parsed;
    const document =
      folder === null ? parsed.document : canonicalJson(absoluteSources(JSON.parse(parsed.document), folder));
    const documentSha256 = this.sha256Hex(document);
    const { name } = parsed.project;
    const known = this.registry.entry(name);
    if (known !== null && known.documentSha256 === documentSha256)
      return { kind: 'applied', entry: known, changed: false };
    // Before the topic has it, or every later start would meet one project too many.
    this.registry.mustTake(name);
    const nowMs = this.clock.nowMs();
    const entry: ProjectEntry = {
      name,
      revision: (known?.revision ?? 0) + 1,
      document,
      documentSha256,
      appliedAtMs: nowMs,
      createdAtMs: known?.createdAtMs ?? nowMs,
    };
    await this.producer.send('projects.v1', [{ key: name, value: encodeProject(entry) }]);
    this.registry.put(entry);
    return { kind: 'applied', entry, changed: true };
  }
}

export function projectEntry(registry: ProjectRegistry): OnEntry {
  return (key, value, { timestampMs }) => {
    if (value === null) registry.remove(key, timestampMs);
    else registry.put(decodeProject(value));
  };
}
