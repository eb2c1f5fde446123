/**
 * Preloaded into the services: a launcher that was killed cannot stop them, and an orphaned core would keep the
 * data directory. The channel to the launcher closes with it, however it ended.
 */
process.on('disconnect', () => process.kill(process.pid, 'SIGINT'))
