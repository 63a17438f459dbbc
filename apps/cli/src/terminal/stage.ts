// What a long piece of work tells while it runs: its stages, one after the other, and lines between them.

export interface Stage {
  progress(done: number, total: number, detail?: string): void;
  /** Ends the stage; `detail` is its result in a few words. */
  done(detail: string): void;
  fail(detail: string): void;
}

export interface Stages {
  /** Seconds by stage, in order of their start. */
  readonly seconds: Readonly<Record<string, number>>;
  stage(name: string, title: string): Stage;
  line(text: string): void;
}
