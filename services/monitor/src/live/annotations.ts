// What a client says is going on with a project (a deployment, a campaign, a load test, a stage of the main job), shown
// on the dashboard beside the windows. It decides nothing. In memory only: who writes it says it again when the monitor
// comes back.

import type { AnswerOf, BodyOf, monitorApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';

/** Annotations a project may have; the oldest go first. */
export const ANNOTATIONS_MAX = 50;
const TEXT_MAX = 200;

export type Annotation = AnswerOf<typeof monitorApi.endpoints.annotate>;

/** @throws PlatformError 'invalid_argument' for an id that would not fit into a path */
export function annotationOf(
  id: string,
  { title, state, progress, detail }: BodyOf<typeof monitorApi.endpoints.annotate>,
  atMs: number,
): Annotation {
  if (!/^[a-z0-9-]{1,40}$/.test(id))
    throw new PlatformError('invalid_argument', 'id must be 1 to 40 of a-z, 0-9 and -');
  return {
    id,
    title: (title ?? id).slice(0, TEXT_MAX),
    state,
    progress: progress ?? null,
    detail: (detail ?? '').slice(0, TEXT_MAX),
    startedAtMs: atMs,
    updatedAtMs: atMs,
  };
}

export class Annotations {
  private readonly byProject = new Map<string, Annotation[]>();

  /** One that still runs is replaced in its place; one that has ended, or is new, starts at the end. */
  put(project: string, annotation: Annotation): void {
    const known = this.byProject.get(project) ?? [];
    const at = known.findIndex(({ id }) => id === annotation.id);
    const before = known[at];
    if (before?.state === 'running') {
      known[at] = { ...annotation, startedAtMs: before.startedAtMs };
    } else {
      if (before !== undefined) known.splice(at, 1);
      known.push(annotation);
    }
    if (known.length > ANNOTATIONS_MAX) known.shift();
    this.byProject.set(project, known);
  }

  remove(project: string, id: string): void {
    const rest = this.of(project).filter((annotation) => annotation.id !== id);
    if (rest.length > 0) this.byProject.set(project, rest);
    else this.byProject.delete(project);
  }

  /** All of a project. */
  forget(project: string): void {
    this.byProject.delete(project);
  }

  /** In order of their start. */
  of(project: string): Annotation[] {
    return this.byProject.get(project) ?? [];
  }
}
