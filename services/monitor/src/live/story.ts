// Stages of a driven run (the main job) as its driver reports them, for the dashboard's progress strip. In memory only: the
// story belongs to the run that tells it.

/** Stages a project may show; the oldest go first. */
export const STAGES_MAX = 50;
const TEXT_MAX = 200;

export const STAGE_STATES = ['waiting', 'running', 'done', 'failed'] as const;
export type StageState = (typeof STAGE_STATES)[number];

export interface Stage {
  id: string;
  title: string;
  state: StageState;
  /** 0 to 1; null where unknown. */
  progress: number | null;
  detail: string;
  updatedAtMs: number;
}

/** Reads one stage from outside; a text says what is wrong. */
export function parseStage(
  body: unknown,
  atMs: number,
): { kind: 'ok'; stage: Stage } | { kind: 'invalid'; fault: string } {
  if (typeof body !== 'object' || body === null) return { kind: 'invalid', fault: 'a stage is an object' };
  const { id, title, state, progress, detail } = body as Record<string, unknown>;
  if (typeof id !== 'string' || !/^[a-z0-9-]{1,40}$/.test(id)) {
    return { kind: 'invalid', fault: 'id must be 1 to 40 of a-z, 0-9 and -' };
  }
  if (!STAGE_STATES.includes(state as StageState)) {
    return { kind: 'invalid', fault: `state must be one of ${STAGE_STATES.join(', ')}` };
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
    stage: {
      id,
      title: text(title, id),
      state: state as StageState,
      progress: typeof progress === 'number' ? progress : null,
      detail: text(detail, ''),
      updatedAtMs: atMs,
    },
  };
}

export class Story {
  private readonly byProject = new Map<string, Stage[]>();

  /** Replaces the stage of the same id, else appends it. */
  tell(project: string, stage: Stage): void {
    const stages = this.byProject.get(project) ?? [];
    const at = stages.findIndex((known) => known.id === stage.id);
    if (at >= 0) stages[at] = stage;
    else stages.push(stage);
    if (stages.length > STAGES_MAX) stages.shift();
    this.byProject.set(project, stages);
  }

  clear(project: string): void {
    this.byProject.delete(project);
  }

  of(project: string): readonly Stage[] {
    return this.byProject.get(project) ?? [];
  }
}
