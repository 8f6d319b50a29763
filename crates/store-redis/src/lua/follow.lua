-- Gives what a replica lacks.
--
-- ARGV: 7 the sweeps that it has the topics' states of; 8 whether it wants entries
if ARGV[8] == '0' then
  return reply('page', false, {})
end
return (page('page', ARGV[7]))
