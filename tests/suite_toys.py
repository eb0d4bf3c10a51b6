"""The parts of a small suite file, and the names of the rows of any."""

TOP = 'title = "Small"\ndata = "labels.csv"\nbaseline = "plain"\nseeds = [0, 1]\n'
TABLES_BELOW = "[options]\nepochs = 5\n[full]\nimage_size = 64\n[fast]\nimage_size = 32\nseeds = [7]\n"
PLAIN = '[[row]]\nname = "plain"\nrecipe = "plain"\n'
AB = PLAIN + '[[row]]\nloss = ["asl", "bce"]\n'


def names(suite):
    return [row.name for row in suite.rows]
