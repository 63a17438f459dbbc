// Model versions of which models.v1 says that retention has deleted them: their packages go, so no rollout begins with
// one. Memory: `GONE_MAX` numbers of a project, the newest; nobody deletes what a route names.

/** As many model versions as the trainer remembers of a project. */
const GONE_MAX = 10_000;

export class GoneVersions {
  private readonly projects = new Map<string, Set<number>>();

  gone(project: string, version: number): void {
    const versions = this.projects.get(project) ?? new Set<number>();
    this.projects.set(project, versions.add(version));
    if (versions.size > GONE_MAX) versions.delete(Math.min(...versions));
  }

  /** Or again. */
  announced(project: string, version: number): void {
    this.projects.get(project)?.delete(version);
  }

  has(project: string, version: number): boolean {
    return this.projects.get(project)?.has(version) === true;
  }
}
