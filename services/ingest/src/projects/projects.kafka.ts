// Applies and removes project files: parses, gives the next revision, writes projects.v1 (key project; null = removed),
// which fills the registry. Of two processes that give one revision to two documents the first in the topic counts for
// all; the other one sees it there and gives the next.

import { decodeProject, encodeProject, type ProjectEntry } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import type { MessageProducer, OnEntry } from '@millrace/kafka';
import {
  canonicalJson,
  labelRuleText,
  type ParsedProject,
  type Project,
  type ProjectFault,
  parseProject,
  sameLabelRule,
} from '@millrace/project';
import type { ProjectRegistry } from './project-registry.js';
import { absoluteSources } from './source-paths.js';

/** Each is lost to another process that applied this project in the same moment. */
const TURNS_MAX = 5;

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
    /** Resolves when the registry has what the topic has at this call. */
    private readonly upToNow: () => Promise<void>,
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

  /** Of a project without label there are no labels of another rule. */
  private labelRuleSinceMs({ name, labelRuleSinceMs }: ProjectEntry, project: Project, nowMs: number): number {
    const before = labelRuleText(this.registry.get(name).project.data.label);
    return sameLabelRule(before, labelRuleText(project.data.label)) ? labelRuleSinceMs : nowMs;
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
    for (let turn = 0; turn < TURNS_MAX; turn++) {
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
        labelRuleSinceMs: known === null ? 0 : this.labelRuleSinceMs(known, parsed.project, nowMs),
        earlierSchemas: this.registry.earlierSchemas(name, parsed.project),
      };
      this.registry.awaitRevision(name, entry.revision);
      await this.producer.send('projects.v1', [{ key: name, value: encodeProject(entry) }]);
      await this.upToNow();
      if (this.registry.firstRead === documentSha256) return { kind: 'applied', entry, changed: true };
    }
    throw new PlatformError('conflict', `others apply '${name}' all the time; apply the file again`, { retry: 'now' });
  }
}

export function projectEntry(registry: ProjectRegistry): OnEntry {
  return (key, value, { timestampMs }) => {
    if (value === null) registry.remove(key, timestampMs);
    else registry.put(decodeProject(value));
  };
}
