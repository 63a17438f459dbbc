// What to type again once it is mended why a model was not registered: the command with every option that was given.

import { shellWord } from '../new/found.js';

export interface RegisterOptions {
  project: string;
  input?: string[];
  output?: string[];
  reference?: string;
  dataset?: string[];
  upstream?: string;
  model?: string;
  modelVersion?: string;
  unjudged?: boolean;
}

/** The command as it was given. */
export function registerAgain(path: string | undefined, options: RegisterOptions): string {
  const {
    project,
    input = [],
    output = [],
    reference,
    dataset = [],
    upstream,
    model,
    modelVersion,
    unjudged,
  } = options;
  const said: readonly (readonly [string, readonly (string | undefined)[]])[] = [
    ['--project', [project]],
    ['--input', input],
    ['--output', output],
    ['--reference', [reference]],
    ['--dataset', dataset],
    ['--upstream', [upstream]],
    ['--model', [model]],
    ['--model-version', [modelVersion]],
  ];
  const given = said.flatMap(([flag, values]) => {
    const words = values.flatMap((value) => (value === undefined ? [] : [shellWord(value)]));
    return words.length === 0 ? [] : [[flag, ...words].join(' ')];
  });
  return [
    'millrace models register',
    ...(path === undefined ? [] : [shellWord(path)]),
    ...given,
    ...(unjudged === true ? ['--unjudged'] : []),
  ].join(' ');
}
