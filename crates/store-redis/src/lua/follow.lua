-- Gives what a replica lacks.
--
-- ARGV: 6 the sweeps that it has the topics' states of; 7 whether it wants entries
if ARGV[7] == '0' then
  return reply('page', false, {})
end
return (page('page', ARGV[6]))
