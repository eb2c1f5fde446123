import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import {
  changeSettings,
  createAppWithSettings,
  describeApp,
  listApps,
} from '../../../core/credentials/app-settings.ts'
import { createKey } from '../../../core/credentials/keys.ts'
import { currentPosition } from '../../../core/store/credential-changes.ts'
import { startCredentialStore } from './credential-store.ts'

const SECRET = 'a secret that is long enough for HS256'

t.test('settings of an app', async (t) => {
  const store = await startCredentialStore(t)
  const { ctx, introspect } = store
  const key = await createKey(ctx, 'client-key', 'one')
  /** As a gateway gets them. */
  const inForce = async () => {
    const answer = await introspect({ kind: 'client-key', digest: key.credentialId })
    return answer.active && 'settings' in answer.grant ? answer.grant.settings : undefined
  }

  t.test('what is named changes, what is not stays, null goes back to the default', async (t) => {
    await changeSettings(ctx, 'one', {
      origins: ['https://new.example'],
      allowPlatformKeyFromBrowser: true,
      platformSources: ['192.0.2.0/24', '2001:db8::1'],
    })
    await changeSettings(ctx, 'one', { allowPlatformKeyFromBrowser: false })
    t.match(await inForce(), {
      origins: ['https://new.example'],
      allowPlatformKeyFromBrowser: false,
      platformSources: ['192.0.2.0/24', '2001:db8::1'],
    })
    await changeSettings(ctx, 'one', { origins: null, platformSources: null })
    t.match(await inForce(), { origins: ['*'], platformSources: [] })
  })

  t.test('gateways are told of every change', async (t) => {
    const { position } = await changeSettings(ctx, 'one', { origins: ['*'] })
    const { changes } = await store.feed.changesAfter(position - 1, 1_000)
    t.match(changes, [{ position, subject: 'app', app: 'one', effect: 'changed' }])
  })

  t.test('two kinds of authentication are set and removed apart', async (t) => {
    await changeSettings(ctx, 'one', {
      authentication: { jwt: { algorithm: 'HS256', secret: SECRET, issuer: 'shop' } },
    })
    await changeSettings(ctx, 'one', { authentication: { external: { url: 'https://auth.example/verify' } } })
    t.strictSame((await inForce())?.authentication, {
      jwt: { algorithm: 'HS256', secret: SECRET, issuer: 'shop' },
      external: {
        url: 'https://auth.example/verify',
        timeoutMs: 3_000,
        cacheMs: 60_000,
        isDeployments: false,
      },
    })
    await changeSettings(ctx, 'one', { authentication: { jwt: null } })
    t.strictSame(Object.keys((await inForce())?.authentication ?? {}), ['external'])
    await changeSettings(ctx, 'one', { authentication: { external: null } })
    t.equal((await inForce())?.authentication, undefined)
  })

  t.test('secrets are never shown again', async (t) => {
    const { app } = await changeSettings(ctx, 'one', {
      authentication: {
        jwt: { algorithm: 'HS256', secret: SECRET, userIdClaim: 'uid' },
        external: { url: 'https://auth.example/verify?key=s3cr3t', cacheMs: 0 },
      },
    })
    const shown = await describeApp(ctx, 'one')
    t.strictSame(shown, app)
    t.strictSame(shown.settings.authentication, {
      jwt: { algorithm: 'HS256', userIdClaim: 'uid', hasSecret: true },
      external: { url: 'https://auth.example/verify?…', timeoutMs: 3_000, cacheMs: 0 },
    })
    t.notMatch(JSON.stringify(shown), /s3cr3t|long enough/)
    await changeSettings(ctx, 'one', { authentication: null })
  })

  t.test('what cannot be meant is refused, the field named and no value quoted', async (t) => {
    const position = await currentPosition(store.db)
    const jwt = (value: unknown) => ({ authentication: { jwt: value } })
    const external = (value: unknown) => ({ authentication: { external: value } })
    for (const [input, field] of [
      ['text', 'the settings'],
      [[], 'the settings'],
      [{ origin: [] }, 'knows no "origin"'],
      [{ origins: ['https://a.example/path'] }, 'origins'],
      [{ origins: 'https://a.example' }, 'origins'],
      [{ allowPlatformKeyFromBrowser: 'yes' }, 'allowPlatformKeyFromBrowser'],
      [{ platformSources: ['192.0.2.0/33'] }, 'platformSources'],
      [{ platformSources: ['a.example'] }, 'platformSources'],
      [{ authentication: { saml: {} } }, 'knows no "saml"'],
      [jwt({ algorithm: 'HS256', secret: 'too short s3cr3t' }), 'authentication.jwt.secret'],
      [jwt({ algorithm: 'none' }), 'authentication.jwt.algorithm'],
      [jwt({ algorithm: 'RS256', secret: SECRET }), 'authentication.jwt.algorithm'],
      [
        jwt({ jwksUrl: 'https://a.example/jwks', algorithms: ['RS256', 'HS256'] }),
        'authentication.jwt.algorithms',
      ],
      [jwt({ jwksUrl: 'https://a.example/jwks', algorithms: [] }), 'authentication.jwt.algorithms'],
      [jwt({ jwksUrl: 'https://a.example/jwks', algorithms: ['none'] }), 'authentication.jwt.algorithms'],
      [jwt({ jwksUrl: 'https://a.example/jwks', secret: SECRET }), 'knows no "secret"'],
      [external({ url: 'auth.example' }), 'authentication.external.url'],
      [external({ url: 'http://auth.example' }), 'authentication.external.url'],
      [external({ url: 'file:///etc/passwd' }), 'authentication.external.url'],
      [external({ url: 'https://user:s3cr3t@auth.example' }), 'authentication.external.url'],
      [external({ url: 'https://127.0.0.1/' }), 'authentication.external.url'],
      [external({ url: 'https://0x7f.1/' }), 'authentication.external.url'],
      [external({ url: 'https://[::ffff:169.254.169.254]/' }), 'authentication.external.url'],
      [external({ url: 'https://a.example', timeoutMs: 60_000 }), 'authentication.external.timeoutMs'],
      [external({ url: 'https://a.example', cacheMs: -1 }), 'authentication.external.cacheMs'],
    ] as const) {
      const error = await changeSettings(ctx, 'one', input).then(
        () => new Error('accepted'),
        (error: unknown) => error as Error,
      )
      t.match(error, { code: 'INVALID_REQUEST' }, JSON.stringify(input))
      t.ok(error.message.includes(field), `${error.message} names ${field}`)
      t.notMatch(error.message, /s3cr3t/)
    }
    t.equal(await currentPosition(store.db), position, 'nothing has changed')
    await t.rejects(changeSettings(ctx, 'none', {}), { code: 'APP_NOT_FOUND' })
    await t.rejects(describeApp(ctx, 'none'), { code: 'APP_NOT_FOUND' })
  })

  t.test('two changes at one time both take effect', async (t) => {
    await Promise.all([
      changeSettings(ctx, 'one', { origins: ['https://a.example'] }),
      changeSettings(ctx, 'one', { platformSources: ['192.0.2.1'] }),
    ])
    t.match(await inForce(), { origins: ['https://a.example'], platformSources: ['192.0.2.1'] })
  })

  t.test('an app is made with its settings, and listed', async (t) => {
    t.match(await createAppWithSettings(ctx, 'two', { platformSources: ['192.0.2.9'] }), {
      app: 'two',
      settings: { platformSources: ['192.0.2.9'], authentication: null },
    })
    await t.rejects(createAppWithSettings(ctx, 'two', {}), { code: 'APP_EXISTS' })
    await t.rejects(createAppWithSettings(ctx, 'three', { typo: 1 }), { code: 'INVALID_REQUEST' })
    t.strictSame(
      (await listApps(ctx, { limit: 10 })).map(({ app }) => app),
      ['one', 'two'],
    )
    t.strictSame(
      (await listApps(ctx, { after: 'one', limit: 10 })).map(({ app }) => app),
      ['two'],
    )
  })
})

t.test(
  'the deployment says from where platform keys are taken, of apps that do not say it themselves',
  async (t) => {
    const { ctx, introspect } = await startCredentialStore(t, {
      appDefaults: { platformSources: ['10.0.0.0/8'] },
    })
    const request = { kind: 'default-app' as const, digest: credentialDigest('default-app', '', '') }
    const sources = async () => {
      const answer = await introspect(request)
      return answer.active && 'settings' in answer.grant ? answer.grant.settings.platformSources : undefined
    }
    t.strictSame(await sources(), ['10.0.0.0/8'])
    await changeSettings(ctx, 'one', { platformSources: ['192.0.2.1'] })
    t.strictSame(await sources(), ['192.0.2.1'])
    await changeSettings(ctx, 'one', { platformSources: [] })
    t.strictSame(await sources(), [], 'from everywhere is a choice too')
    await changeSettings(ctx, 'one', { platformSources: null })
    t.strictSame(await sources(), ['10.0.0.0/8'])
  },
)

t.test('the deployment’s auth service is for apps that have no authentication of their own', async (t) => {
  const { ctx, introspect } = await startCredentialStore(t, {
    appDefaults: { authUrl: 'http://auth:3110/', privateUpstreams: ['10.0.0.0/8'] },
  })
  const request = { kind: 'default-app' as const, digest: credentialDigest('default-app', '', '') }
  const authentication = async () => {
    const answer = await introspect(request)
    return answer.active && 'settings' in answer.grant ? answer.grant.settings.authentication : undefined
  }
  t.match(await authentication(), { external: { url: 'http://auth:3110/', isDeployments: true } })
  t.strictSame((await describeApp(ctx, 'one')).settings.authentication, { external: { isDeployments: true } })

  await changeSettings(ctx, 'one', { authentication: { jwt: { algorithm: 'HS256', secret: SECRET } } })
  t.strictSame(Object.keys((await authentication()) ?? {}), ['jwt'])
  await changeSettings(ctx, 'one', { authentication: { jwt: null } })
  t.equal(await authentication(), undefined, 'none of its own is a choice too')
  await changeSettings(ctx, 'one', { authentication: null })
  t.match(await authentication(), { external: { isDeployments: true } })

  await changeSettings(ctx, 'one', { authentication: { external: { url: 'http://10.1.2.3:80/verify' } } })
  t.match(await authentication(), { external: { isDeployments: false } }, 'a network that may be reached')
  await t.rejects(
    changeSettings(ctx, 'one', { authentication: { external: { url: 'http://192.168.1.1/' } } }),
    { code: 'INVALID_REQUEST' },
  )
})
