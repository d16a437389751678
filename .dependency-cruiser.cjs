/** Who may import whom. Each message says what to do instead. `tests/architecture.spec.ts` runs it. */
const vendor = (names) => `(^|/)node_modules/(@types/)?(${names})/`;

/** Each package has one home; everywhere else it is a port of the core. */
const fences = {
  inversify: '^src/container[^/]*\\.ts$',
  express: '^src/(http/|simulator/|create-wahook\\.ts$)',
  zod: '^src/(config\\.ts$|adapters/(meta|api)/|bot/)',
  'pg|pg-boss|@electric-sql/pglite': '^src/adapters/postgres/',
  ioredis: '^src/adapters/redis/',
  'node-fetch|p-retry': '^src/adapters/meta/',
  'prom-client': '^src/adapters/log/',
};

/** @param {string} from @param {readonly string[]} allowed */
const layer = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: '^src/', pathNot: allowed },
});

module.exports = {
  forbidden: [
    {
      name: 'core-imports-only-core',
      comment: 'The core knows no technology. Put a port into src/core/ports/ and the technology into an adapter.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: '^src/core/' },
    },
    layer('adapter-knows-core-and-itself', '^src/adapters/([^/]+)/', ['^src/core/', '^src/adapters/$1/']),
    layer('http-knows-core-and-itself', '^src/http/', ['^src/core/', '^src/http/']),
    layer('bot-knows-core-and-itself', '^src/bot/', ['^src/core/', '^src/bot/']),
    layer('testing-drives-the-whole', '^src/testing/', [
      '^src/(core|bot|simulator|testing)/',
      '^src/(config[^/]*|container)\\.ts$',
    ]),
    {
      name: 'only-tests-use-testing',
      comment: 'src/testing is for the tests of a bot: what it has must not run in the service.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/testing/' },
      to: { path: '^src/testing/' },
    },
    layer('simulator-shares-no-code', '^src/simulator/', ['^src/simulator/']),
    layer('container-composes', '^src/container[^/]*\\.ts$', [
      '^src/(core|adapters|bot)/',
      '^src/config\\.ts$',
      '^src/container[^/]*\\.ts$',
      '^src/time-limits\\.ts$',
    ]),
    layer('time-limits-stand-alone', '^src/time-limits\\.ts$', []),
    layer('config-stands-alone', '^src/config[^/]*\\.ts$', ['^src/core/', '^src/config[^/]*\\.ts$']),
    {
      name: 'only-the-container-opens-adapters',
      comment: 'Ask the container for the port instead.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/adapters/', '^src/container[^/]*\\.ts$'] },
      to: { path: '^src/adapters/' },
    },
    {
      name: 'only-the-service-and-commands-use-the-container',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(container[^/]*\\.ts$|service\\.ts$|create-wahook\\.ts$|cli/|testing/)' },
      to: { path: '^src/container[^/]*\\.ts$' },
    },
    {
      name: 'only-commands-and-tests-use-the-simulator',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(simulator|cli|testing)/' },
      to: { path: '^src/simulator/' },
    },
    ...Object.entries(fences).map(([names, home]) => ({
      name: `fence: ${names}`,
      severity: 'error',
      from: { path: '^src/', pathNot: home },
      to: { path: vendor(names) },
    })),
    {
      name: 'unlisted-package',
      comment: 'A new package needs a home: add it to the fences above.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: vendor(Object.keys(fences).join('|')),
      },
    },
    { name: 'src-never-imports-tests', severity: 'error', from: { path: '^src/' }, to: { path: '^(tests|bench)/' } },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/(main|cli/[^/]+|bot/wahook)\\.ts$' },
      to: {},
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.cjs', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
