/** The people of the demo. Nobody else can sign in. */
export type DemoUser = { id: string; nickname: string; avatarUrl: string }

export const DEMO_USERS: readonly DemoUser[] = [
  { id: 'ada', nickname: 'Ada Lovelace', avatarUrl: avatar('A', '#7c5cff', '#c86dd7') },
  { id: 'grace', nickname: 'Grace Hopper', avatarUrl: avatar('G', '#0ea5a4', '#5bd6a1') },
  { id: 'alan', nickname: 'Alan Turing', avatarUrl: avatar('T', '#2f6fed', '#56b6ff') },
  { id: 'linus', nickname: 'Linus Torvalds', avatarUrl: avatar('L', '#f0803c', '#f7b955') },
]

function avatar(letter: string, from: string, to: string): string {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">' +
    `<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop stop-color="${from}"/>` +
    `<stop offset="1" stop-color="${to}"/></linearGradient></defs><rect width="64" height="64" fill="url(#g)"/>` +
    '<text x="32" y="43" font-family="system-ui,sans-serif" font-size="30" font-weight="600" fill="#fff" ' +
    `text-anchor="middle">${letter}</text></svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}
