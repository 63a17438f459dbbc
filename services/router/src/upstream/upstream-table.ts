// The versions whose answers come from a V2 server that Millrace did not start, and which of them a client's model name
// stands for: a client of that server changes nothing but the port, so it goes on asking for the server's own name. A
// lookup is one map access; what is known of a version is replaced in one assignment.

import { PROJECTS_MAX } from '@millrace/domain';
import type { BoundUpstream, RowsOfCall } from '@millrace/inference';

/** Newest versions of a project that are remembered; a route names at most ten. */
const VERSIONS_MAX = 64;

/** As announced; what a restart without the broker begins with. */
export interface UpstreamEntry {
  readonly project: string;
  readonly version: number;
  readonly modelSha256: string;
  readonly packagePath: string;
  readonly upstream: BoundUpstream;
}

export interface UpstreamVersion extends UpstreamEntry {
  /** What a call says in the project's columns; undefined: its package cannot be read, so nothing is logged. */
  readonly rows: RowsOfCall | undefined;
}

/** A project all of whose named versions are elsewhere. */
export interface UpstreamProject {
  readonly project: string;
  readonly versions: ReadonlyMap<number, UpstreamVersion>;
}

export class UpstreamTable {
  private readonly projects = new Map<string, Map<number, UpstreamVersion>>();
  /** Versions that are run here, by project. */
  private readonly own = new Map<string, Set<number>>();
  private byName = new Map<string, UpstreamProject>();

  set(version: UpstreamVersion): void {
    const versions = this.projects.get(version.project) ?? new Map<number, UpstreamVersion>();
    if (!this.projects.has(version.project) && this.projects.size >= PROJECTS_MAX) return;
    versions.set(version.version, version);
    if (versions.size > VERSIONS_MAX) versions.delete(Math.min(...versions.keys()));
    this.projects.set(version.project, versions);
    this.rebuild();
  }

  setOwn(project: string, version: number): void {
    const versions = this.own.get(project) ?? new Set<number>();
    versions.add(version);
    if (versions.size > VERSIONS_MAX) versions.delete(Math.min(...versions));
    if (this.own.has(project) || this.own.size < PROJECTS_MAX) this.own.set(project, versions);
  }

  /**
   * Why the version cannot stand beside these, as a sentence; undefined where it can, or where not all are known yet.
   */
  mixed(project: string, version: number, beside: readonly number[]): string | undefined {
    const isThere = this.get(project, version) !== undefined;
    const isHere = this.own.get(project)?.has(version) === true;
    const other = beside.find((one) =>
      isThere ? this.own.get(project)?.has(one) === true : isHere && this.get(project, one) !== undefined,
    );
    if (other === undefined) return undefined;
    const [there, here] = isThere ? [version, other] : [other, version];
    return (
      `version ${there} of ${project} is a server elsewhere, whose clients send its own tensors, and version ${here} is ` +
      'run here, from the columns of the project: one route cannot have both. Put the other one into a project of its own'
    );
  }

  remove(project: string): void {
    this.own.delete(project);
    if (this.projects.delete(project)) this.rebuild();
  }

  get(project: string, version: number): UpstreamVersion | undefined {
    return this.projects.get(project)?.get(version);
  }

  /** By what the upstream calls the model, or by the project's name. Of two projects the first by name has it. */
  named(model: string): UpstreamProject | undefined {
    return this.byName.get(model);
  }

  entries(): UpstreamEntry[] {
    return [...this.projects.values()].flatMap((versions) =>
      [...versions.values()].map(({ rows: _, ...entry }) => entry),
    );
  }

  private rebuild(): void {
    const byName = new Map<string, UpstreamProject>();
    const sorted = [...this.projects].sort(([a], [b]) => (a < b ? -1 : 1));
    const say = (name: string, found: UpstreamProject) => void (byName.has(name) || byName.set(name, found));
    for (const [project, versions] of sorted)
      for (const { upstream } of versions.values()) say(upstream.model, { project, versions });
    for (const [project, versions] of sorted) say(project, { project, versions });
    this.byName = byName;
  }
}

/** The version that a client names by the upstream's own word for it; 0 = none of the project's. */
export function versionServing({ versions }: UpstreamProject, upstreamVersion: string): number {
  for (const { version, upstream } of versions.values()) if (upstream.version === upstreamVersion) return version;
  return 0;
}
