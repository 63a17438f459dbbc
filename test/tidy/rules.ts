// The tables that test/tidy enforces: what each kind of file may import, and what no file may contain. The import
// rule: a file without an edge suffix is pure; only `x.<edge>.ts` may import that edge's packages. Exceptions stand
// here by path, each with its reason.

/** Libs without the outside world: they import libs/domain and each other. */
export const PURE_LIBS: ReadonlySet<string> = new Set([
  'api',
  'deployment',
  'domain',
  'evaluation',
  'project',
  'features',
  'models',
  'statistics',
  'drift',
  'routing',
  'inference',
  'wire',
  'tabular',
]);

/** Packages that a pure lib may use: pure computation, no input or output. */
export const PURE_LIB_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  // The project file is YAML checked by a JSON Schema.
  project: ['yaml', 'ajv'],
  // The same validator, and schemas that are types.
  api: ['typebox', 'ajv'],
  // V2 messages as protobuf-es knows them.
  inference: ['@bufbuild/protobuf', '@millrace/contracts'],
};

/** Vendors of the edge libs; each imports its own and no other. Node built-ins are free to them. */
export const EDGE_LIB_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  contracts: ['@bufbuild/protobuf'],
  config: [],
  telemetry: ['@opentelemetry/'],
  grpc: ['@grpc/grpc-js', '@bufbuild/protobuf'],
  // The consumer runner is a Nest transport.
  kafka: ['kafkajs', '@nestjs/', 'rxjs'],
  redis: ['ioredis'],
  artifacts: ['s3mini'],
  files: [],
  // What its signatures are held against, in tests.
  webhooks: ['standardwebhooks'],
  audit: [],
  'prediction-log': [],
  // The frame around Nest.
  service: ['@nestjs/', 'fastify', 'rxjs', 'reflect-metadata', '@bufbuild/protobuf'],
  // Drives the browser of the machine; contract suites are tests.
  testing: ['playwright-core', '@jest/globals'],
};

/** Nest's decorators and tokens, allowed in every edge file. */
const NEST = ['@nestjs/common', '@nestjs/core', '@nestjs/microservices', 'reflect-metadata'];

/** Packages by edge suffix, beside Nest, libs and pure files. "node:" = every built-in. */
export const EDGE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  kafka: [...NEST, 'kafkajs', 'cloudevents'],
  grpc: [...NEST, '@grpc/grpc-js', '@bufbuild/protobuf', 'rxjs'],
  // Files served and their ETags, content encodings.
  http: [
    ...NEST,
    '@nestjs/platform-fastify',
    'fastify',
    '@fastify/static',
    'rxjs',
    'node:http',
    'node:stream',
    'node:events',
    'node:net',
    'node:fs',
    'node:path',
    'node:url',
    'node:zlib',
    'node:crypto',
  ],
  http2: [...NEST, 'node:http2', 'node:stream', 'node:net', 'node:zlib'],
  tcp: [...NEST, 'node:net', 'node:tls', 'node:events', 'node:crypto'],
  redis: [...NEST, 'ioredis'],
  fs: [
    ...NEST,
    'node:fs',
    'node:path',
    'node:os',
    'node:crypto',
    'node:url',
    'node:zlib',
    'node:stream',
    'node:module',
    'node:util',
  ],
  onnx: [...NEST, 'onnxruntime-node'],
  tf: [...NEST, '@tensorflow/tfjs-node-gpu'],
  // Parquet files are read and written by path.
  duckdb: [...NEST, '@duckdb/node-api', 'node:fs', 'node:path', 'node:crypto', 'node:os'],
  // What a person sees.
  terminal: ['cli-progress'],
  // Bytes of a foreign format; the codecs of topics and packages live in libs/contracts.
  codec: ['@bufbuild/protobuf'],
  process: [...NEST, 'node:'],
  module: [...NEST, '@nestjs/platform-fastify', 'node:path', 'node:url', 'node:crypto'],
};

/** What `apps/<name>/src/commands` and an app's main.ts put together, beside our own files. */
export const COMMAND_PACKAGES: readonly string[] = ['commander', 'node:'];

/** Files that may import more than their name says. */
export const IMPORT_EXCEPTIONS: Readonly<Record<string, { packages: readonly string[]; reason: string }>> = {
  'services/monitor/src/api/dashboard.http.ts': {
    packages: ['node:module'],
    reason: 'finds the chart library in node_modules to serve it',
  },
  'apps/cli/src/project-file.fs.ts': {
    packages: ['yaml'],
    reason: 'completes a project file for the replay, keeping its comments',
  },
  'apps/cli/src/supervisor/ports.tcp.ts': {
    packages: ['node:fs'],
    reason: 'says which process holds a port, from /proc',
  },
  'bench/loop/machines.ts': {
    packages: ['../../services/monitor/src/', '../../services/trainer/src/loop/'],
    reason: 'the pure state machines of two services are what is measured, on a clock of its own',
  },
};

export interface Ban {
  readonly name: string;
  readonly pattern: RegExp;
  readonly instead: string;
  /** Path prefixes that may, with the reason. */
  readonly allowed: Readonly<Record<string, string>>;
}

export const BANS: readonly Ban[] = [
  {
    name: 'the real clock',
    pattern: /\bDate\.now\(|\bnew Date\(\s*\)|\bperformance\.now\(/,
    instead: 'a Clock parameter (libs/domain)',
    allowed: {
      'libs/domain/src/clock.ts': 'implements the system clock',
      'bench/': 'measures real time',
      'test/': 'tests wait for real processes',
    },
  },
  {
    name: 'unseeded randomness',
    pattern: /\bMath\.random\(|\brandomUUID\(/,
    instead: 'a Rng(seed) or Ids parameter (libs/domain)',
    allowed: {},
  },
  {
    name: 'process.env',
    pattern: /\bprocess\.env\b/,
    instead: 'libs/config',
    allowed: { 'libs/config/src/load.ts': 'the one reader' },
  },
  {
    name: 'console',
    pattern: /\bconsole\.\w+\(/,
    instead: 'the logger of libs/telemetry',
    allowed: {
      'test/setup/': 'scripts given to another Node as text',
      'services/serving/test/engines.int-spec.ts': 'what a model under test prints',
    },
  },
  {
    name: 'the artifacts’ folder by name',
    pattern: /['"`]artifacts['"`]/,
    instead: 'the store that openArtifactStore (libs/artifacts) gives',
    allowed: { 'libs/artifacts/': 'the one place' },
  },
  {
    name: 'new Kafka(',
    pattern: /\bnew Kafka\(/,
    instead: 'libs/kafka',
    allowed: { 'libs/kafka/src/connection.ts': 'the one place' },
  },
  {
    name: 'an unfinished mark',
    // Split, so that this table does not ban itself.
    pattern: new RegExp(`\\b(?:FIX${'ME'}|TO${'DO'}|HA${'CK'})\\b`),
    instead: 'doing it, or an issue',
    allowed: {},
  },
  {
    name: 'a skipped or lonely test',
    pattern: /\b(?:describe|it|test)\.(?:skip|only|todo)\b|^\s*(?:xit|xdescribe|fit|fdescribe)\(/m,
    instead: 'a test that runs',
    allowed: {},
  },
  {
    name: 'a shell',
    pattern: /\bexecSync\(|\bexec\(\s*[`'"]|shell:\s*true/,
    instead: 'execFile or spawn with an argument list',
    allowed: {},
  },
  {
    name: 'a listener on every interface',
    pattern: /['"`]0\.0\.0\.0/,
    instead: '127.0.0.1',
    allowed: {
      'apps/cli/src/commands/serve.ts': 'takes it as an answer of --host, never by default',
      'libs/deployment/src/place.ts': 'knows how who listens so is reached',
    },
  },
];

/** Specs may use the clock, randomness and the environment of the machine they run on. */
export const BANS_FOR_SPECS: ReadonlySet<string> = new Set([
  'console',
  'new Kafka(',
  'an unfinished mark',
  'a skipped or lonely test',
  'a shell',
]);

/** File names that say nothing. */
export const CATCH_ALL_NAMES: ReadonlySet<string> = new Set(
  ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'shared', 'types', 'constants', 'base'].map(
    (name) => `${name}.ts`,
  ),
);
export const CATCH_ALL_EXCEPTIONS: Readonly<Record<string, string>> = {
  'libs/testing/src/shared.ts': 'what test files of one run share',
};

/** Files that nothing imports and that are started or found by name. */
export const ENTRY_POINTS: readonly RegExp[] = [
  /^services\/[^/]+\/src\/main\.ts$/,
  /^services\/[^/]+\/src\/.*\.main\.ts$/,
  /^apps\/[^/]+\/src\/main\.ts$/,
  /^apps\/[^/]+\/src\/.*\.main\.ts$/,
  /^libs\/[^/]+\/src\/index\.ts$/,
  /^bench\/.*main\.ts$/,
  // Figures of a README, measured by hand.
  /\/test\/measure-[a-z-]+\.ts$/,
];

/** Specs, what they are built on, and measurements: code that runs in no service. */
export function isTestCode(path: string): boolean {
  return (
    /\.(spec|int-spec|e2e-spec)\.ts$/.test(path) || /(^|\/)test\//.test(path) || /^(bench|libs\/testing)\//.test(path)
  );
}

export interface ExportException {
  /** A file, or the beginning of paths. */
  path: string;
  /** All of them without one. */
  name?: string;
  reason: string;
}

/** Exports that no other file of the program uses. */
export const EXPORT_EXCEPTIONS: readonly ExportException[] = [
  {
    path: 'libs/domain/src/clock.ts',
    name: 'ManualClock',
    reason: 'the clock of every spec; libs/testing would load Kafka and a browser into pure ones',
  },
];

/** Packages that no code of ours names, and those that it names undeclared. */
export const PACKAGE_EXCEPTIONS: Readonly<Record<string, string>> = {
  '@grpc/proto-loader': 'Nest’s gRPC server loads it by name, also where it is given a package definition',
};

/** The width that biome formats code to; it leaves comments alone. */
export const COMMENT_COLUMNS_MAX = 120;

/** About a page. */
export const README_LINES_MAX = 60;
/** Documents that are ahead of the tree while parts of it are being moved. */
export const DOCUMENTS_AHEAD: readonly string[] = [];
