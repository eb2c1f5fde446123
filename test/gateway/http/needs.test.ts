import t from 'tap'
import { needOf } from '../../../gateway/http/needs.ts'

t.test(
  'a signed address of a file and the pages need no credential; all that looks a little like one does',
  async (t) => {
    const signed = '?Expires=1&Signature=x'
    for (const [method, path, query, need] of [
      ['GET', '/files/b/1', signed, 'nothing'],
      ['HEAD', '/files/b/1', signed, 'nothing'],
      ['GET', '/files/b/a/key/with/slashes', '?x=1&Signature=x&Expires=1', 'nothing'],
      ['GET', '/files/b/1', '', 'identity'],
      ['GET', '/files/b/1', '?Expires=1', 'identity'],
      ['GET', '/files/b/1', '?Signature=x', 'identity'],
      ['GET', '/files/b/1', '?expires=1&signature=x', 'identity'],
      ['GET', '/files/b/1', '?XExpires=1&XSignature=x', 'identity'],
      ['GET', '/files/b/1', '?a=%26Expires=1%26Signature=x', 'identity'],
      ['POST', '/files/b/1', signed, 'identity'],
      ['PUT', '/files/b/1', signed, 'identity'],
      ['GET', '/files/b', signed, 'identity'],
      ['GET', '/files/b/', signed, 'identity'],
      ['GET', '/files', signed, 'identity'],
      ['GET', '/rooms', signed, 'identity'],
      ['GET', '/rooms/files/b/1', signed, 'identity'],
      ['GET', '/filesx/b/1', signed, 'identity'],
      ['GET', '/files%2Fb%2F1', signed, 'identity'],
      ['GET', '/Files/b/1', signed, 'identity'],
      ['GET', '/console', '', 'nothing'],
      ['GET', '/console/page.js', '', 'nothing'],
      ['POST', '/console/', '', 'identity'],
      ['GET', '/consoles', '', 'identity'],
      ['GET', '/reference', '', 'nothing'],
      ['GET', '/reference/theme.css', '', 'nothing'],
      ['POST', '/reference/', '', 'identity'],
    ] as const)
      t.equal(needOf(method, path, query), need, `${method} ${path}${query}`)
  },
)
