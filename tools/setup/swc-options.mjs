// The one description of how TypeScript becomes JavaScript; the build and jest share it.

/** @param {string} root absolute path of the repository */
export function swcOptions(root) {
  return {
    cwd: root,
    configFile: false,
    swcrc: false,
    module: { type: 'es6', resolveFully: true },
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
      baseUrl: root,
      paths: { '@millrace/*': ['./libs/*/src/index.ts'] },
      keepClassNames: true,
    },
  };
}
