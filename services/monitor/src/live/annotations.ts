// What a client says is going on with a project (a deployment, a campaign, a load test, a stage of the main job), shown
// on the dashboard beside the windows. It decides nothing. In memory only: who writes it says it again when the monitor
// comes back.

import { ANNOTATION_STATES } from '@millrace/api';

/** Annotations a project may have; the oldest go first. */
export const ANNOTATIONS_MAX = 50;
const TEXT_MAX = 200;

export type AnnotationState = (typeof ANNOTATION_STATES)[number];

export interface Annotation {
  id: string;
  title: string;
  state: AnnotationState;
  /** 0 to 1; null where unknown. */
  progress: number | null;
  detail: string;
  startedAtMs: number;
  updatedAtMs: number;
}

/** Reads one annotation from outside; a text says what is wrong. */
export function parseAnnotation(
  id: string,
  body: unknown,
  atMs: number,
): { kind: 'ok'; annotation: Annotation } | { kind: 'invalid'; fault: string } {
  if (typeof body !== 'object' || body === null) return { kind: 'invalid', fault: 'an annotation is an object' };
  const { title, state, progress, detail } = body as Record<string, unknown>;
  if (!/^[a-z0-9-]{1,40}$/.test(id)) return { kind: 'invalid', fault: 'id must be 1 to 40 of a-z, 0-9 and -' };
  if (!ANNOTATION_STATES.includes(state as AnnotationState)) {
    return { kind: 'invalid', fault: `state must be one of ${ANNOTATION_STATES.join(', ')}` };
  }
  if (
    progress !== undefined &&
    progress !== null &&
    !(typeof progress === 'number' && progress >= 0 && progress <= 1)
  ) {
    return { kind: 'invalid', fault: 'progress must be a number from 0 to 1' };
  }
  const text = (value: unknown, fallback: string) => (typeof value === 'string' ? value.slice(0, TEXT_MAX) : fallback);
  return {
    kind: 'ok',
    annotation: {
      id,
      title: text(title, id),
      state: state as AnnotationState,
      progress: typeof progress === 'number' ? progress : null,
      detail: text(detail, ''),
      startedAtMs: atMs,
      updatedAtMs: atMs,
    },
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

  /** In order of their start. */
  of(project: string): Annotation[] {
    return this.byProject.get(project) ?? [];
  }
}
