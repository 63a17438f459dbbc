// Routes of projects that are no more: of a project that was removed, and of one that was removed and applied anew
// while this process did not look. The process that holds the route's partition takes it away; the others see it go by
// routes.v1. While the topics are read from their beginning nothing is taken away: the last word counts.
//
// Bound: a project is forgotten once it has no such route here, so that there are never more than routes.

export interface RemovedProjectsPorts {
  /** Whether this process may write the project's route. */
  holds(project: string): boolean;
  /** Projects with a route here that changed last before they were created. */
  outlived(): readonly string[];
  hasRoute(project: string): boolean;
  drop(project: string): Promise<void>;
  failed(project: string, error: unknown): void;
}

export class RemovedProjects {
  private readonly names = new Set<string>();
  private read = false;

  constructor(private readonly ports: RemovedProjectsPorts) {}

  async removed(project: string): Promise<void> {
    this.names.add(project);
    await this.dropHeld();
  }

  async applied(project: string): Promise<void> {
    this.names.delete(project);
    await this.dropHeld();
  }

  /** All that was written has been read. */
  caughtUp(): Promise<void> {
    this.read = true;
    return this.dropHeld();
  }

  /** Also after partitions have come: what could not be dropped by then is tried again. */
  async dropHeld(): Promise<void> {
    if (!this.read) return;
    for (const project of this.ports.outlived()) this.names.add(project);
    for (const project of [...this.names]) {
      if (!this.ports.hasRoute(project)) this.names.delete(project);
      else if (this.ports.holds(project)) await this.dropOne(project);
    }
  }

  private async dropOne(project: string): Promise<void> {
    try {
      await this.ports.drop(project);
      this.names.delete(project);
    } catch (error) {
      this.ports.failed(project, error);
    }
  }
}
