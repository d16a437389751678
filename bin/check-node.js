// Plain JavaScript that any Node runs: an older one would fail at the first TypeScript file, in words that help nobody.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`wahook needs Node 22.18 or later; this is ${process.versions.node}. Install a newer one, or run "npm ci" with the
development dependencies, which bring it.`);
  process.exit(2);
}
