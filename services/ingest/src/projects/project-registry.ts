// The projects this process knows, with their compiled schemas, as projects.v1 tells them.

import type { ProjectEntry } from '@millrace/contracts';
import { PlatformError, PROJECTS_MAX } from '@millrace/domain';
import { type Project, projectFromDocument } from '@millrace/project';
import { compileSchema, type RecordSchema, schemaText } from '../schema/record-schema.js';

/** Of one project, from the newest on: no file is edited more often while records are on their way. */
const EARLIER_MAX = 16;

interface Known {
  readonly entry: ProjectEntry;
  readonly schema: RecordSchema;
  /** As far as this process has seen them, newest first. */
  readonly earlier: readonly RecordSchema[];
}

export class ProjectRegistry {
  private readonly entries = new Map<string, Known>();

  /** True once all projects of the topic are here: until then an unknown one may only be unread. */
  complete = false;

  /** How often a project came, changed or went. */
  changes = 0;

  /** A revision that this process is writing, and whose document the topic has first. */
  private awaited: { name: string; revision: number; documentSha256: string | null } | null = null;

  constructor(private readonly sha256Hex: (text: string) => string) {}

  /** From now on, which document is read first as this revision is known to `firstRead`. */
  awaitRevision(name: string, revision: number): void {
    this.awaited = { name, revision, documentSha256: null };
  }

  get firstRead(): string | null {
    return this.awaited?.documentSha256 ?? null;
  }

  /** Takes an entry of projects.v1; an older one than the known one changes nothing. */
  put(entry: ProjectEntry): void {
    const { awaited } = this;
    if (awaited !== null && awaited.name === entry.name && awaited.revision === entry.revision)
      awaited.documentSha256 ??= entry.documentSha256;
    const known = this.entries.get(entry.name);
    if (known !== undefined && !isNewer(entry, known.entry)) return;
    this.mustTake(entry.name);
    this.changes += 1;
    const schema = compileSchema(projectFromDocument(entry.document), this.sha256Hex, entry.labelRuleSinceMs);
    this.entries.set(entry.name, { entry, schema, earlier: earlierOf(known, entry, schema) });
  }

  /** @throws PlatformError 'overloaded' where it would be one project too many */
  mustTake(name: string): void {
    if (this.entries.has(name) || this.entries.size < PROJECTS_MAX) return;
    throw new PlatformError(
      'overloaded',
      `'${name}' would be one of more than ${PROJECTS_MAX} projects; delete one first`,
      { retry: 'never', facts: { projectsMax: PROJECTS_MAX } },
    );
  }

  /** `atMs`: when that was written; one that was applied since then stays. */
  remove(name: string, atMs = Number.POSITIVE_INFINITY): void {
    const known = this.entries.get(name);
    if (known === undefined || known.entry.createdAtMs >= atMs) return;
    this.entries.delete(name);
    this.changes += 1;
  }

  /** What is older belongs to a deleted project of this name; undefined where there is none now. */
  createdAtMs(name: string): number | undefined {
    return this.entries.get(name)?.entry.createdAtMs;
  }

  find(name: string): RecordSchema | null {
    return this.entries.get(name)?.schema ?? null;
  }

  get(name: string): RecordSchema {
    const schema = this.find(name);
    if (schema === null && !this.complete) throw new PlatformError('unavailable', 'projects are still being read');
    if (schema === null)
      throw new PlatformError('not_found', `no project '${name}'; apply its file first`, { facts: { project: name } });
    return schema;
  }

  /** The schema of this hash, of today or of before, by which a record of the project was checked. */
  schemaOf(name: string, hash: string): RecordSchema | undefined {
    const known = this.entries.get(name);
    if (known === undefined || known.schema.hash === hash) return known?.schema;
    return known.earlier.find((schema) => schema.hash === hash);
  }

  /** Whether records of the project were checked by it once, though nobody here may know its columns any more. */
  wasSchema(name: string, hash: string): boolean {
    return this.entries.get(name)?.entry.earlierSchemas.includes(hash) ?? false;
  }

  /** What the next entry says of the schemas before its own. */
  earlierSchemas(name: string, next: Project): string[] {
    const known = this.entries.get(name);
    if (known === undefined) return [];
    const own = this.sha256Hex(schemaText(next));
    const all = [known.schema.hash, ...known.entry.earlierSchemas];
    return [...new Set(all)].filter((hash) => hash !== own).slice(0, EARLIER_MAX);
  }

  entry(name: string): ProjectEntry | null {
    return this.entries.get(name)?.entry ?? null;
  }

  list(): ProjectEntry[] {
    return [...this.entries.values()].map(({ entry }) => entry);
  }
}

function earlierOf(known: Known | undefined, entry: ProjectEntry, schema: RecordSchema): readonly RecordSchema[] {
  if (known === undefined || known.entry.createdAtMs !== entry.createdAtMs) return [];
  return [known.schema, ...known.earlier].filter(({ hash }) => hash !== schema.hash).slice(0, EARLIER_MAX);
}

function isNewer(entry: ProjectEntry, known: ProjectEntry): boolean {
  if (entry.createdAtMs !== known.createdAtMs) return entry.createdAtMs > known.createdAtMs;
  return entry.revision > known.revision;
}
