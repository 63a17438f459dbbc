import { describe, expect, it } from '@jest/globals';
import { commandsIn, nextTyped, textTyped, typedAs } from './typed-as.js';

const npm = (script: string, clone = '/clone') => ({
  npm_command: 'exec',
  npm_lifecycle_script: script,
  npm_config_local_prefix: clone,
});

describe('a command that is told can be pasted where it was asked for', () => {
  it.each([
    ['npx in the clone', npm('millrace "status"'), '/clone', 'npx millrace'],
    ['npx with its name in single quotes', npm("'millrace'"), '/clone', 'npx millrace'],
    ['npx in a folder of the clone', npm('millrace'), '/clone/examples', 'npx millrace'],
    ['npx with a quoted name', npm('"millrace" "status"'), '/clone', 'npx millrace'],
    ['npm from another folder', npm('millrace status'), '/data', 'npm --prefix /clone exec -- millrace'],
    ['a folder that begins alike', npm('millrace status'), '/clone2', 'npm --prefix /clone exec -- millrace'],
    ['the PATH', {}, '/data', 'millrace'],
    ['another program that npx has started', npm('jest "apps/cli"'), '/clone', 'millrace'],
    ['a script of package.json', { npm_command: 'run-script', npm_lifecycle_script: 'millrace' }, '/clone', 'millrace'],
  ])('by %s', (_how, env, cwd, typed) => expect(typedAs(env, cwd)).toBe(typed));

  it('stands in what comes next and in backquotes, and nowhere else', () => {
    expect(commandsIn('send it again (`millrace a`, `millrace b --x 1`), or `millrace a`; `curl`')).toEqual([
      'millrace a',
      'millrace b --x 1',
    ]);
    expect(nextTyped('millrace train loans', 'npx millrace')).toBe('npx millrace train loans');
    expect(nextTyped('edit project.yaml', 'npx millrace')).toBe('edit project.yaml');
    expect(textTyped('millrace: no; `millrace status` or `millrace up`', 'npx millrace')).toBe(
      'millrace: no; `npx millrace status` or `npx millrace up`',
    );
    expect(textTyped('`millrace status`', "npm --prefix '$&' exec -- millrace")).toContain("'$&'");
  });
});
