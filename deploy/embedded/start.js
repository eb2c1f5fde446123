// Plain JavaScript, so that a Node too old to read TypeScript still gets to the sentence below.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    `Node ${process.versions.node} is too old here. Run "npm ci" and then "npm start": they bring their own Node 24.`,
  )
  process.exit(1)
}
await import('./main.ts')
